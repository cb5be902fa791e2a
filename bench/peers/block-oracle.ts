/** A pre-norm block of a ViT and its gradients in float64: x + proj(attention(qkv(norm1(x)))), then x + fc2(gelu(fc1(norm2(x)))). */
import { attended, gelu, geluSlope, layerNorm } from "./oracles.js";
import type { HostTensors } from "./peer.js";

export interface BlockSize {
  readonly batch: number;
  readonly tokens: number;
  readonly width: number;
}

/** Of every head; there are as many as fit into the width. */
export const HEAD_DIM = 64;

/** Shapes of the parameters in timm's names; matrices are [out, in]. */
export const blockParameters = ({ width }: BlockSize): Record<string, number[]> => ({
  "norm1.weight": [width],
  "norm1.bias": [width],
  "attn.qkv.weight": [3 * width, width],
  "attn.qkv.bias": [3 * width],
  "attn.proj.weight": [width, width],
  "attn.proj.bias": [width],
  "norm2.weight": [width],
  "norm2.bias": [width],
  "mlp.fc1.weight": [4 * width, width],
  "mlp.fc1.bias": [4 * width],
  "mlp.fc2.weight": [width, 4 * width],
  "mlp.fc2.bias": [width],
});

type Numbers = ArrayLike<number>;

function linear(x: Numbers, weight: Numbers, bias: Numbers): Float64Array {
  const outputs = bias.length;
  const inputs = weight.length / outputs;
  const y = new Float64Array((x.length / inputs) * outputs);
  for (let at = 0; at < y.length; at++) {
    const output = at % outputs;
    const row = ((at - output) / outputs) * inputs;
    let sum = bias[output];
    for (let i = 0; i < inputs; i++) sum += x[row + i] * weight[output * inputs + i];
    y[at] = sum;
  }
  return y;
}

function linearGradients(x: Numbers, weight: Numbers, dy: Float64Array, outputs: number) {
  const inputs = weight.length / outputs;
  const dx = new Float64Array(x.length);
  const dWeight = new Float64Array(weight.length);
  const dBias = new Float64Array(outputs);
  for (let at = 0; at < dy.length; at++) {
    const output = at % outputs;
    const row = ((at - output) / outputs) * inputs;
    const slope = dy[at];
    dBias[output] += slope;
    for (let i = 0; i < inputs; i++) {
      dx[row + i] += slope * weight[output * inputs + i];
      dWeight[output * inputs + i] += slope * x[row + i];
    }
  }
  return { dx, dWeight, dBias };
}

function normGradients({ normalized, rstd }: ReturnType<typeof layerNorm>, weight: Numbers, dy: Numbers) {
  const columns = weight.length;
  const dx = new Float64Array(dy.length);
  const dWeight = new Float64Array(columns);
  const dBias = new Float64Array(columns);
  for (let row = 0; row < rstd.length; row++) {
    const start = row * columns;
    let mean = 0;
    let along = 0;
    for (let c = 0; c < columns; c++) {
      const slope = dy[start + c];
      dBias[c] += slope;
      dWeight[c] += slope * normalized[start + c];
      mean += (slope * weight[c]) / columns;
      along += (slope * weight[c] * normalized[start + c]) / columns;
    }
    for (let c = 0; c < columns; c++) {
      dx[start + c] = rstd[row] * (dy[start + c] * weight[c] - mean - normalized[start + c] * along);
    }
  }
  return { dx, dWeight, dBias };
}

/** Packed rows [rows, 3, width] as q, k and v. */
function unpack(qkv: Float64Array, width: number): Float64Array[] {
  return [0, 1, 2].map((part) =>
    Float64Array.from({ length: qkv.length / 3 }, (_, i) => {
      const column = i % width;
      return qkv[3 * (i - column) + part * width + column];
    }),
  );
}

function pack(parts: readonly Float64Array[], width: number): Float64Array {
  return Float64Array.from({ length: 3 * parts[0].length }, (_, i) => {
    const column = i % width;
    const piece = (i - column) / width;
    return parts[piece % 3][Math.floor(piece / 3) * width + column];
  });
}

function attentionGradients(
  [q, k, v]: readonly Float64Array[],
  shares: Float64Array,
  dOut: Float64Array,
  [batch, tokens, heads, headDim]: readonly number[],
): Float64Array[] {
  const [dQ, dK, dV] = [q, k, v].map(({ length }) => new Float64Array(length));
  const at = (b: number, t: number, h: number) => ((b * tokens + t) * heads + h) * headDim;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < tokens; t++) {
        const ofQuery = at(b, t, h);
        const row = ((b * heads + h) * tokens + t) * tokens;
        const dShares = new Float64Array(tokens);
        let mean = 0;
        for (let j = 0; j < tokens; j++) {
          const ofKey = at(b, j, h);
          for (let d = 0; d < headDim; d++) {
            dShares[j] += dOut[ofQuery + d] * v[ofKey + d];
            dV[ofKey + d] += shares[row + j] * dOut[ofQuery + d];
          }
          mean += shares[row + j] * dShares[j];
        }
        for (let j = 0; j < tokens; j++) {
          const ofKey = at(b, j, h);
          const slope = (shares[row + j] * (dShares[j] - mean)) / Math.sqrt(headDim);
          for (let d = 0; d < headDim; d++) {
            dQ[ofQuery + d] += slope * k[ofKey + d];
            dK[ofKey + d] += slope * q[ofQuery + d];
          }
        }
      }
    }
  }
  return [dQ, dK, dV];
}

const sum = (a: Numbers, b: Numbers): Float64Array => Float64Array.from(a, (value, i) => value + b[i]);

function forward(inputs: HostTensors) {
  const value = (name: string): Numbers => inputs[name].data;
  const layer = (x: Numbers, name: string) => linear(x, value(`${name}.weight`), value(`${name}.bias`));
  const norm = (x: Numbers, name: string) => layerNorm(x, value(`${name}.weight`), value(`${name}.bias`));
  const [batch, tokens, width] = inputs.x.shape;
  const shape = [batch, tokens, width / HEAD_DIM, HEAD_DIM];
  const norm1 = norm(value("x"), "norm1");
  const qkv = unpack(layer(norm1.y, "attn.qkv"), width);
  const [q, k, v] = qkv.map((data) => ({ data, shape }));
  const { out: context, shares } = attended(q, k, v);
  const middle = sum(value("x"), layer(context, "attn.proj"));
  const norm2 = norm(middle, "norm2");
  const hidden = layer(norm2.y, "mlp.fc1");
  const active = hidden.map(gelu);
  const y = sum(middle, layer(active, "mlp.fc2"));
  return { y, norm1, qkv, context, shares, norm2, hidden, active, shape };
}

/** y [batch, tokens, width] */
export const blockOutput = (inputs: HostTensors): Float64Array => forward(inputs).y;

/** Gradients of sum(y dy) by x and every parameter. */
export function blockGradients(inputs: HostTensors): Record<string, Float64Array> {
  const { norm1, qkv, context, shares, norm2, hidden, active, shape } = forward(inputs);
  const gradients: Record<string, Float64Array> = {};
  const note = (name: string, { dx, dWeight, dBias }: ReturnType<typeof linearGradients>): Float64Array => {
    gradients[`${name}.weight`] = dWeight;
    gradients[`${name}.bias`] = dBias;
    return dx;
  };
  const weight = (name: string) => inputs[`${name}.weight`].data;
  const outputs = (name: string) => inputs[`${name}.bias`].data.length;
  const through = (name: string, x: Numbers, dy: Float64Array) =>
    note(name, linearGradients(x, weight(name), dy, outputs(name)));
  const dy = Float64Array.from(inputs.dy.data);
  const dActive = through("mlp.fc2", active, dy);
  const dHidden = dActive.map((slope, i) => slope * geluSlope(hidden[i]));
  const dNorm2 = through("mlp.fc1", norm2.y, dHidden);
  const dMiddle = sum(dy, note("norm2", normGradients(norm2, weight("norm2"), dNorm2)));
  const dContext = through("attn.proj", context, dMiddle);
  const dQkv = pack(attentionGradients(qkv, shares, dContext, shape), inputs.x.shape[2]);
  const dNorm1 = through("attn.qkv", norm1.y, dQkv);
  gradients.x = sum(dMiddle, note("norm1", normGradients(norm1, weight("norm1"), dNorm1)));
  return gradients;
}

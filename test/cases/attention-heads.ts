/** Attention with gates of heads: what `gate` makes of its result, which some want without them too, and the gradients. */
import { type AttentionSize, type AttentionVariant, attention, attentionGrad } from "../../src/kernels/attention.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";
import { backward, forward, gates, shapeOf } from "./attention.js";

type Numbers = ArrayLike<number>;

interface Shape extends AttentionSize {
  readonly variant?: AttentionVariant;
  readonly gated?: boolean;
  readonly causal?: boolean;
  readonly benchOnly?: boolean;
}

const [gated, causal] = [true, true];

const sizes: Shape[] = [
  { batch: 1, tokens: 1, heads: 1, headDim: 1 },
  { batch: 1, tokens: 1, heads: 5, headDim: 4 },
  { batch: 2, tokens: 7, heads: 3, headDim: 5 },
  { batch: 1, tokens: 131, heads: 2, headDim: 8, gated, causal },
  { batch: 1, tokens: 57, heads: 3, headDim: 20 },
  { batch: 1, tokens: 65, heads: 2, headDim: 130 },
  { batch: 1, tokens: 63, heads: 2, headDim: 132 },
  { batch: 1, tokens: 129, heads: 3, headDim: 16, variant: "stream" },
  { batch: 1, tokens: 61, heads: 2, headDim: 11, causal, variant: "stream" },
  { batch: 2, tokens: 37, heads: 3, headDim: 8, gated, variant: "short" },
  { batch: 1, tokens: 37, heads: 2, headDim: 5, causal, variant: "short" },
  { batch: 1, tokens: 131, heads: 3, headDim: 12, causal, variant: "lane" },
  { batch: 2, tokens: 9, heads: 3, headDim: 16, gated, variant: "lane" },
  { batch: 1, tokens: 65, heads: 3, headDim: 16, causal, variant: "row" },
  { batch: 1, tokens: 37, heads: 2, headDim: 5, gated, variant: "row" },
  { batch: 8, tokens: 197, heads: 3, headDim: 64, benchOnly: true },
  { batch: 64, tokens: 17, heads: 4, headDim: 16, benchOnly: true },
];

/** Open, turned round, closed and half open heads. */
const headGates = (heads: number) => Float32Array.from({ length: heads }, (_, h) => [1, -1.5, 0, 0.5][h % 4]);

/** A value of out times that of its head. */
const gatedBy = (headGate: Numbers, x: Numbers, { heads, headDim }: AttentionSize) =>
  Float64Array.from(x, (value, i) => headGate[Math.floor(i / headDim) % heads] * value);

function attendGated(qkv: Numbers, headGate: Numbers, shape: Shape, keyGate?: Numbers) {
  const { out: ungated, logsumexp } = forward(qkv, shape, keyGate, shape.causal);
  return { out: gatedBy(headGate, ungated, shape), ungated, logsumexp };
}

/** Gradients by all operands from the result without gates of heads. */
function gatedGradients(
  { qkv, out, logsumexp, dOut, headGate, keyGate }: Record<string, Numbers>,
  shape: Shape,
): Record<"dQkv" | "dKeyGate" | "dHeadGate", Float64Array> {
  const dHeadGate = new Float64Array(shape.heads);
  Array.from(out).forEach((value, i) => {
    dHeadGate[Math.floor(i / shape.headDim) % shape.heads] += value * dOut[i];
  });
  const upstream = gatedBy(headGate, dOut, shape);
  return { ...backward(qkv, out, logsumexp, upstream, shape, keyGate, shape.causal), dHeadGate };
}

const inputsOf = ({ batch, tokens, heads, headDim, gated }: Shape) => {
  const length = batch * tokens * heads * headDim;
  const qkv = normals(3 * length, length, 1.5);
  return { qkv, headGate: headGates(heads), ...(gated && { keyGate: gates(tokens) }) };
};

const nameOf = ({ gated, causal, ...shape }: Shape) =>
  `${shapeOf(shape)}, gated heads${gated ? ", gated keys" : ""}${causal ? ", causal" : ""}`;

/** How much of the result is wanted. */
const both = { "the gated result alone": false, "the result without gates too": true };

const forwardCases = sizes.flatMap((shape) =>
  Object.entries(both).map(([name, beside]): KernelCase => {
    const { batch, tokens, heads, headDim, variant, causal, benchOnly } = shape;
    const length = batch * tokens * heads * headDim;
    return {
      name: `attention ${nameOf(shape)}, ${name}`,
      inputs: () => inputsOf(shape),
      outputs: {
        out: { length },
        ...(beside && { ungated: { length } }),
        logsumexp: { length: batch * heads * tokens },
      },
      run: (gpu, buffers, storage) => {
        const { qkv, keyGate, headGate, out, ungated, logsumexp } = buffers;
        attention(gpu, { qkv, keyGate, headGate, out, ungated, logsumexp }, shape, { causal, variant, storage });
      },
      float16: beside ? ["qkv", "out", "ungated"] : ["qkv", "out"],
      oracle: ({ qkv, headGate, keyGate }) => {
        const { out, ungated, logsumexp } = attendGated(qkv, headGate, shape, keyGate);
        return { out, ...(beside && { ungated }), logsumexp };
      },
      tolerance: sumOf(tokens + headDim, 4),
      flops: (4 * length * tokens) / (causal ? 2 : 1),
      bytes: (beside ? 20 : 16) * length,
      benchOnly,
    };
  }),
);

const gradientCases = sizes.map((shape): KernelCase => {
  const { batch, tokens, heads, headDim, variant, gated, causal, benchOnly } = shape;
  const length = batch * tokens * heads * headDim;
  return {
    name: `attentionGrad ${nameOf(shape)}`,
    inputs: () => {
      const operands = inputsOf(shape);
      const { ungated, logsumexp } = attendGated(operands.qkv, operands.headGate, shape, operands.keyGate);
      const results = { out: Float32Array.from(ungated), logsumexp: Float32Array.from(logsumexp) };
      return { ...operands, ...results, dOut: normals(length, 2) };
    },
    outputs: {
      dQkv: { length: 3 * length },
      dHeadGate: { length: heads },
      ...(gated && { dKeyGate: { length: tokens } }),
    },
    run: (gpu, { qkv, keyGate, headGate, out, logsumexp, dOut, dQkv, dKeyGate, dHeadGate }) => {
      const buffers = { qkv, keyGate, headGate, out, logsumexp, dOut, dQkv, dKeyGate, dHeadGate };
      attentionGrad(gpu, buffers, shape, { causal, variant });
    },
    oracle: (inputs) => {
      const { dKeyGate, ...gradients } = gatedGradients(inputs, shape);
      return { ...gradients, ...(gated && { dKeyGate }) };
    },
    tolerance: { ...sumOf(tokens + headDim, 4), terms: batch * heads * tokens * headDim },
    flops: (10 * length * tokens) / (causal ? 2 : 1),
    bytes: 36 * length,
    benchOnly,
  };
});

export const cases = [...forwardCases, ...gradientCases];

const small = { batch: 2, tokens: 3, heads: 3, headDim: 2, scale: 0.9 };
const at = { qkv: normals(108, 5), headGate: headGates(3), dOut: normals(36, 6) };
const lossOf = (qkv: Numbers, headGate: Numbers) => dot(attendGated(qkv, headGate, small).out, at.dOut);
const gradientsOf = () => {
  const { ungated, logsumexp } = attendGated(at.qkv, at.headGate, small);
  return gatedGradients({ ...at, out: ungated, logsumexp }, small);
};
export const gradients: GradientCase[] = [
  {
    name: "attention with gates of heads by qkv",
    f: (qkv) => lossOf(qkv, at.headGate),
    at: at.qkv,
    gradient: () => gradientsOf().dQkv,
  },
  {
    name: "attention with gates of heads by them",
    f: (headGate) => lossOf(at.qkv, headGate),
    at: at.headGate,
    gradient: () => gradientsOf().dHeadGate,
  },
];

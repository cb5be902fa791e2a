/** Float64 in plain loops. */
import { normalCdf } from "../../test/harness/normal-cdf.js";
import { randomGenerator } from "../../test/harness/random.js";
import type { HostTensor } from "./peer.js";

type Numbers = ArrayLike<number>;

/** The largest |got - want| as a share of `tolerance` (1 + |want|); infinite for what is absent, too short or no number. */
export function largestError(got: Numbers | undefined, want: Numbers, tolerance: number): number {
  if (got?.length !== want.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i] - want[i]) / (1 + Math.abs(want[i]));
    if (!(error <= worst)) worst = error;
    if (Number.isNaN(error)) return Number.POSITIVE_INFINITY;
  }
  return worst / tolerance;
}

const SAMPLES = 10_000;

/** The error of a product a b at random places, b [k, n]: all of them would take longer than the timing. */
export function sampledProduct(a: HostTensor, b: Numbers, n: number, y: Float32Array, tolerance: number): number {
  const [m, k] = a.shape;
  if (y?.length !== m * n) return Number.POSITIVE_INFINITY;
  const next = randomGenerator(7);
  const places = Array.from({ length: SAMPLES }, () => Math.floor(next() * m * n));
  const want = places.map((place) => {
    const row = Math.floor(place / n);
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a.data[row * k + i] * b[i * n + (place % n)];
    return sum;
  });
  return largestError(
    places.map((place) => y[place]),
    want,
    tolerance,
  );
}

export const gelu = (x: number): number => x * normalCdf(x);

export const geluSlope = (x: number): number => normalCdf(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);

export function softmax(x: Numbers, columns: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += columns) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + columns; i++) highest = Math.max(highest, x[i]);
    let total = 0;
    for (let i = start; i < start + columns; i++) total += y[i] = Math.exp(x[i] - highest);
    for (let i = start; i < start + columns; i++) y[i] /= total;
  }
  return y;
}

export const EPSILON = 1e-6;

/** Rows normalised, and 1 / sqrt(variance + EPSILON) of each. */
export function layerNorm(x: Numbers, weight: Numbers, bias: Numbers) {
  const columns = weight.length;
  const rstd = new Float64Array(x.length / columns);
  const normalized = new Float64Array(x.length);
  const y = new Float64Array(x.length);
  for (let row = 0; row < rstd.length; row++) {
    const start = row * columns;
    let mean = 0;
    for (let c = 0; c < columns; c++) mean += x[start + c] / columns;
    let variance = 0;
    for (let c = 0; c < columns; c++) variance += (x[start + c] - mean) ** 2 / columns;
    rstd[row] = 1 / Math.sqrt(variance + EPSILON);
    for (let c = 0; c < columns; c++) {
      normalized[start + c] = (x[start + c] - mean) * rstd[row];
      y[start + c] = normalized[start + c] * weight[c] + bias[c];
    }
  }
  return { y, normalized, rstd };
}

interface Heads {
  readonly data: Numbers;
  /** [batch, tokens, heads, headDim] */
  readonly shape: readonly number[];
}

/** softmax(q k^T / sqrt(headDim)) v by head, and the shares [batch, heads, tokens, tokens]. */
export function attended({ data: q, shape }: Heads, { data: k }: Heads, { data: v }: Heads) {
  const [batch, tokens, heads, headDim] = shape;
  const at = (b: number, t: number, h: number) => ((b * tokens + t) * heads + h) * headDim;
  const scores = new Float64Array(batch * heads * tokens * tokens);
  let place = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < tokens; t++) {
        for (let j = 0; j < tokens; j++) {
          const [ofQuery, ofKey] = [at(b, t, h), at(b, j, h)];
          let sum = 0;
          for (let d = 0; d < headDim; d++) sum += q[ofQuery + d] * k[ofKey + d];
          scores[place++] = sum / Math.sqrt(headDim);
        }
      }
    }
  }
  const shares = softmax(scores, tokens);
  const out = new Float64Array(q.length);
  place = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < tokens; t++) {
        for (let j = 0; j < tokens; j++) {
          const [ofQuery, ofKey, share] = [at(b, t, h), at(b, j, h), shares[place++]];
          for (let d = 0; d < headDim; d++) out[ofQuery + d] += share * v[ofKey + d];
        }
      }
    }
  }
  return { out, shares };
}

/** What the self-test of attention computes, and its answers in float64. */
import type { CoreSize } from "../attention-core.js";
import type { AttentionTask } from "./attention-uses.js";

/** Operands: q is batch x queries x heads x headDim, kv batch x keys x 2 x heads x headDim, dOut as q, gates [keys] and [heads]. */
export interface AttentionProblem {
  readonly size: CoreSize & { readonly scale: number };
  readonly causal: boolean;
  readonly q: Float32Array;
  readonly kv: Float32Array;
  readonly dOut: Float32Array;
  readonly keyGate?: Float32Array;
  readonly headGate?: Float32Array;
}

/** `ungated` is the result without gates of heads, dOut the gradient behind it; `delta` [batch, heads, queries] its dot with the result. */
export type AttentionAnswers = Readonly<
  Record<"out" | "ungated" | "logsumexp" | "delta" | "dQ" | "dKv", Float64Array<ArrayBuffer>>
>;

/** Integers from -2 to 2, which f16 holds, in no order. */
const integers = (length: number, seed: number): Float32Array =>
  Float32Array.from(
    { length },
    (_, i) => (((Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(i + seed, 0x85ebca6b)) >>> 8) % 5) - 2,
  );

/** Two heads of two images, with the gates of the task; some keys are closed, of which the first is none. */
export function makeProblem(task: AttentionTask, rows: Pick<CoreSize, "queries" | "keys">): AttentionProblem {
  const { headDim, causal } = task;
  const size = { batch: 2, heads: 2, headDim, scale: headDim ** -0.5, ...rows };
  const width = size.batch * size.heads * headDim;
  return {
    size,
    causal,
    q: integers(rows.queries * width, 1),
    kv: integers(2 * rows.keys * width, 2),
    dOut: integers(rows.queries * width, 3),
    ...(task.gated && { keyGate: Float32Array.from({ length: rows.keys }, (_, j) => [1, 0.5, 0, 1.5][j % 4]) }),
    ...(task.part === "forward" && task.gatedHeads && { headGate: Float32Array.of(0.5, -2) }),
  };
}

/** Shares of the keys in a query, and the logarithm of their sum. */
function sharesOf(scores: Float64Array, gate: (key: number) => number) {
  const highest = Math.max(...scores);
  const shares = scores.map((score, j) => gate(j) * Math.exp(score - highest));
  const sum = shares.reduce((total, share) => total + share, 0);
  return { shares: shares.map((share) => share / sum), logsumexp: highest + Math.log(sum) };
}

/** All answers, in plain loops. */
export function solve({ size, causal, q, kv, dOut, keyGate, headGate }: AttentionProblem): AttentionAnswers {
  const { batch, queries, keys, heads, headDim, scale } = size;
  const [out, ungated, dQ] = [0, 1, 2].map(() => new Float64Array(q.length));
  const [logsumexp, delta] = [0, 1].map(() => new Float64Array(batch * heads * queries));
  const dKv = new Float64Array(kv.length);
  const dot = (a: ArrayLike<number>, at: number, b: ArrayLike<number>, from: number): number => {
    let sum = 0;
    for (let d = 0; d < headDim; d++) sum += a[at + d] * b[from + d];
    return sum;
  };
  const add = (to: Float64Array, at: number, factor: number, from: ArrayLike<number>, start: number) => {
    for (let d = 0; d < headDim; d++) to[at + d] += factor * from[start + d];
  };
  const each = Array.from({ length: batch * heads * queries }, (_, i) => i);
  for (const row of each) {
    const [b, h, t] = [Math.floor(row / (heads * queries)), Math.floor(row / queries) % heads, row % queries];
    const at = ((b * queries + t) * heads + h) * headDim;
    const keyAt = (j: number) => ((b * keys + j) * 2 * heads + h) * headDim;
    const valueAt = (j: number) => keyAt(j) + heads * headDim;
    const seen = causal ? t + 1 : keys;
    const scores = Float64Array.from({ length: seen }, (_, j) => scale * dot(q, at, kv, keyAt(j)));
    const { shares, logsumexp: ofRow } = sharesOf(scores, (j) => keyGate?.[j] ?? 1);
    logsumexp[row] = ofRow;
    for (let j = 0; j < seen; j++) add(ungated, at, shares[j], kv, valueAt(j));
    add(out, at, headGate?.[h] ?? 1, ungated, at);
    delta[row] = dot(dOut, at, ungated, at);
    for (let j = 0; j < seen; j++) {
      const slope = scale * shares[j] * (dot(dOut, at, kv, valueAt(j)) - delta[row]);
      add(dQ, at, slope, kv, keyAt(j));
      add(dKv, keyAt(j), slope, q, at);
      add(dKv, valueAt(j), shares[j], dOut, at);
    }
  }
  return { out, ungated, logsumexp, delta, dQ, dKv };
}

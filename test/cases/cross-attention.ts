import { type CrossAttentionSize, crossAttention, crossAttentionGrad } from "../../src/kernels/cross-attention.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

const scaleOf = ({ headDim, scale = headDim ** -0.5 }: CrossAttentionSize) => scale;

/** Visits each head of each example with accessors into q (and out), into the packed kv, and its place in logsumexp. */
function eachHead(
  { batch, queries, keys, heads, headDim }: CrossAttentionSize,
  visit: (
    query: (token: number, d: number) => number,
    packed: (part: number, token: number, d: number) => number,
    row: number,
  ) => void,
) {
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      visit(
        (token, d) => ((b * queries + token) * heads + h) * headDim + d,
        (part, token, d) => (((b * keys + token) * 2 + part) * heads + h) * headDim + d,
        (b * heads + h) * queries,
      );
    }
  }
}

function forward(q: Numbers, kv: Numbers, size: CrossAttentionSize) {
  const { batch, queries, keys, heads, headDim } = size;
  const out = new Float64Array(batch * queries * heads * headDim);
  const logsumexp = new Float64Array(batch * heads * queries);
  eachHead(size, (query, packed, row) => {
    for (let t = 0; t < queries; t++) {
      const scores = new Float64Array(keys);
      for (let j = 0; j < keys; j++) {
        for (let d = 0; d < headDim; d++) scores[j] += scaleOf(size) * q[query(t, d)] * kv[packed(0, j, d)];
      }
      const highest = Math.max(...scores);
      const total = scores.reduce((sum, score) => sum + Math.exp(score - highest), 0);
      logsumexp[row + t] = highest + Math.log(total);
      for (let j = 0; j < keys; j++) {
        const probability = Math.exp(scores[j] - highest) / total;
        for (let d = 0; d < headDim; d++) out[query(t, d)] += probability * kv[packed(1, j, d)];
      }
    }
  });
  return { out, logsumexp };
}

function backward(q: Numbers, kv: Numbers, out: Numbers, logsumexp: Numbers, dOut: Numbers, size: CrossAttentionSize) {
  const { queries, keys, headDim } = size;
  const [dQ, dKv] = [new Float64Array(q.length), new Float64Array(kv.length)];
  eachHead(size, (query, packed, row) => {
    for (let t = 0; t < queries; t++) {
      let delta = 0;
      for (let d = 0; d < headDim; d++) delta += dOut[query(t, d)] * out[query(t, d)];
      for (let j = 0; j < keys; j++) {
        let score = 0;
        let dProbability = 0;
        for (let d = 0; d < headDim; d++) {
          score += scaleOf(size) * q[query(t, d)] * kv[packed(0, j, d)];
          dProbability += dOut[query(t, d)] * kv[packed(1, j, d)];
        }
        const probability = Math.exp(score - logsumexp[row + t]);
        const slope = scaleOf(size) * probability * (dProbability - delta);
        for (let d = 0; d < headDim; d++) {
          dQ[query(t, d)] += slope * kv[packed(0, j, d)];
          dKv[packed(0, j, d)] += slope * q[query(t, d)];
          dKv[packed(1, j, d)] += probability * dOut[query(t, d)];
        }
      }
    }
  });
  return { dQ, dKv };
}

const sizes: (CrossAttentionSize & { readonly benchOnly?: boolean })[] = [
  { batch: 1, queries: 1, keys: 1, heads: 1, headDim: 1 },
  { batch: 2, queries: 7, keys: 3, heads: 2, headDim: 5 },
  { batch: 3, queries: 2, keys: 17, heads: 3, headDim: 8, scale: 0.4 },
  { batch: 1, queries: 65, keys: 31, heads: 1, headDim: 16 },
  { batch: 1, queries: 1, keys: 131, heads: 2, headDim: 36 },
  { batch: 2, queries: 33, keys: 64, heads: 1, headDim: 7 },
  { batch: 8, queries: 35, keys: 577, heads: 12, headDim: 64, benchOnly: true }, // BLIP's text with its image
];

export const cases: KernelCase[] = sizes.flatMap(({ benchOnly, ...size }): KernelCase[] => {
  const { batch, queries, keys, heads, headDim } = size;
  const width = heads * headDim;
  const [rows, others] = [batch * queries * width, 2 * batch * keys * width];
  const shape = `${batch}x${queries}:${keys}x${heads}x${headDim}`;
  const operands = () => ({ q: normals(rows, 1, 1.5), kv: normals(others, 2, 1.5) });
  const pairs = batch * heads * queries * keys * headDim;
  return [
    {
      name: `crossAttention ${shape}`,
      inputs: operands,
      outputs: { out: { length: rows }, logsumexp: { length: batch * heads * queries } },
      run: (gpu, { q, kv, out, logsumexp }) => crossAttention(gpu, { q, kv, out, logsumexp }, size),
      oracle: ({ q, kv }) => forward(q, kv, size),
      tolerance: sumOf(keys + headDim, 2),
      flops: 4 * pairs,
      bytes: 4 * (2 * rows + others),
      benchOnly,
    },
    {
      name: `crossAttentionGrad ${shape}`,
      inputs: () => {
        const { q, kv } = operands();
        const { out, logsumexp } = forward(q, kv, size);
        const results = { out: Float32Array.from(out), logsumexp: Float32Array.from(logsumexp) };
        return { q, kv, ...results, dOut: normals(rows, 3) };
      },
      outputs: { dQ: { length: rows }, dKv: { length: others } },
      run: (gpu, { q, kv, out, logsumexp, dOut, dQ, dKv }) =>
        crossAttentionGrad(gpu, { q, kv, out, logsumexp, dOut, dQ, dKv }, size),
      oracle: ({ q, kv, out, logsumexp, dOut }) => backward(q, kv, out, logsumexp, dOut, size),
      tolerance: sumOf(queries + keys + headDim, 4),
      flops: 10 * pairs,
      bytes: 4 * (4 * rows + 2 * others),
      benchOnly,
    },
  ];
});

const small = { batch: 2, queries: 2, keys: 3, heads: 2, headDim: 2 };
const [q, kv, dOut] = [normals(16, 4), normals(48, 5), normals(16, 6)];
const results = () => {
  const { out, logsumexp } = forward(q, kv, small);
  return backward(q, kv, out, logsumexp, dOut, small);
};
export const gradients: GradientCase[] = [
  { name: "crossAttention by q", f: (v) => dot(forward(v, kv, small).out, dOut), at: q, gradient: () => results().dQ },
  {
    name: "crossAttention by kv",
    f: (v) => dot(forward(q, v, small).out, dOut),
    at: kv,
    gradient: () => results().dKv,
  },
];

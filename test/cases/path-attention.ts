import {
  type PathAttentionSize,
  pathAttention,
  pathAttentionGrad,
  pathAttentionSaved,
} from "../../src/kernels/path-attention.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { uniforms } from "../harness/random.js";
import { eachHead } from "./attention.js";

type Numbers = ArrayLike<number>;

/** products[b, h, i, j] = dot(q[i], k[j]): every pair, which the kernels never form. */
function products(qkv: Numbers, size: PathAttentionSize): Float64Array {
  const { batch, tokens, heads, headDim } = size;
  const pairs = new Float64Array(batch * heads * tokens * tokens);
  eachHead(size, (packed, _, row) => {
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < tokens; j++) {
        for (let d = 0; d < headDim; d++) {
          pairs[(row + i) * tokens + j] += qkv[packed(0, i, d)] * qkv[packed(1, j, d)];
        }
      }
    }
  });
  return pairs;
}

/** The divisor of each query: batch x heads x tokens. */
const normsOf = (pairs: Float64Array, tokens: number): Float64Array =>
  Float64Array.from({ length: pairs.length / tokens }, (_, row) =>
    pairs.subarray(row * tokens, (row + 1) * tokens).reduce((sum, pair) => sum + pair, 0),
  );

const quotient = (a: number, b: number) => (b === 0 ? 0 : a / b);

function forward(qkv: Numbers, size: PathAttentionSize, held?: Float64Array): Float64Array {
  const { batch, tokens, heads, headDim } = size;
  const out = new Float64Array(batch * tokens * heads * headDim);
  const pairs = products(qkv, size);
  const norms = held ?? normsOf(pairs, tokens);
  eachHead(size, (packed, place, row) => {
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < tokens; j++) {
        const share = quotient(pairs[(row + i) * tokens + j], norms[row + i]);
        for (let d = 0; d < headDim; d++) out[place(i, d)] += share * qkv[packed(2, j, d)];
      }
    }
  });
  return out;
}

function backward(qkv: Numbers, dOut: Numbers, size: PathAttentionSize): Float64Array {
  const { tokens, headDim } = size;
  const dQkv = new Float64Array(qkv.length);
  const pairs = products(qkv, size);
  const norms = normsOf(pairs, tokens);
  eachHead(size, (packed, place, row) => {
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < tokens; j++) {
        const share = quotient(pairs[(row + i) * tokens + j], norms[row + i]);
        let slope = 0;
        for (let d = 0; d < headDim; d++) slope += qkv[packed(2, j, d)] * quotient(dOut[place(i, d)], norms[row + i]);
        for (let d = 0; d < headDim; d++) {
          dQkv[packed(0, i, d)] += slope * qkv[packed(1, j, d)];
          dQkv[packed(1, j, d)] += slope * qkv[packed(0, i, d)];
          dQkv[packed(2, j, d)] += share * dOut[place(i, d)];
        }
      }
    }
  });
  return dQkv;
}

/** Factors on q, k, v and the upstream gradient. */
type Range = readonly [q: number, k: number, v: number, dOut: number];

interface Shape extends PathAttentionSize {
  readonly range?: Range;
  readonly benchOnly?: boolean;
}

const sizes: Shape[] = [
  { batch: 1, tokens: 1, heads: 1, headDim: 1 },
  { batch: 2, tokens: 7, heads: 3, headDim: 3 },
  { batch: 2, tokens: 13, heads: 2, headDim: 12 },
  { batch: 1, tokens: 197, heads: 1, headDim: 5 },
  { batch: 3, tokens: 17, heads: 2, headDim: 64 },
  { batch: 1, tokens: 11, heads: 1, headDim: 127 },
  { batch: 1, tokens: 10, heads: 2, headDim: 128 },
  { batch: 174_763, tokens: 1, heads: 3, headDim: 1 }, // more than 65,535 workgroups on software drivers
  { batch: 1, tokens: 19, heads: 2, headDim: 16, range: [1e-16, 1e-16, 1e-20, 1e-12] },
  { batch: 1, tokens: 19, heads: 2, headDim: 16, range: [1e14, 1e14, 1e20, 1e12] },
  { batch: 1, tokens: 19, heads: 2, headDim: 7, range: [1e-20, 1e14, 1e8, 1e4] },
  { batch: 1, tokens: 197, heads: 3, headDim: 64, benchOnly: true },
  { batch: 8, tokens: 197, heads: 3, headDim: 64, benchOnly: true },
  { batch: 1, tokens: 197, heads: 16, headDim: 64, benchOnly: true },
];

/** Not negative. Each fifth query is zero, and each seventh coordinate of the keys, so that some divisors and totals are zero. */
function operands({ batch, tokens, heads, headDim }: PathAttentionSize, range: Range = [1, 1, 1, 1]) {
  const length = batch * tokens * heads * headDim;
  const draws = uniforms(3 * length, length);
  const qkv = draws.map((value, at) => {
    const part = Math.floor(at / (heads * headDim)) % 3;
    const token = Math.floor(at / (3 * heads * headDim)) % tokens;
    const closed = (part === 0 && token % 5 === 4) || (part === 1 && (at % headDim) % 7 === 6);
    return closed ? 0 : value * range[part];
  });
  return { qkv, dOut: uniforms(length, 2).map((value) => value * range[3]) };
}

/** What the kernels keep for the gradient; past the head's end zeros. */
function kept(qkv: Numbers, size: PathAttentionSize) {
  const { heads, tokens, headDim } = size;
  const lengths = pathAttentionSaved(size);
  const keyTotals = new Float64Array(lengths.keyTotals);
  const valueMeans = new Float64Array(lengths.valueMeans);
  const inverseNorms = new Float64Array(lengths.inverseNorms);
  const norms = normsOf(products(qkv, size), tokens);
  const padded = 4 * Math.ceil(headDim / 4);
  eachHead(size, (packed, _, row) => {
    const head = row / tokens;
    for (let d = 0; d < headDim; d++) {
      const total = head * padded + d;
      for (let j = 0; j < tokens; j++) keyTotals[total] += qkv[packed(1, j, d)];
      for (let j = 0; j < tokens; j++) {
        const share = quotient(qkv[packed(1, j, d)], keyTotals[total]);
        for (let e = 0; e < headDim; e++) valueMeans[total * padded + e] += share * qkv[packed(2, j, e)];
      }
    }
    for (let i = 0; i < tokens; i++) {
      const at = (Math.floor(head / heads) * tokens + i) * heads + (head % heads);
      inverseNorms[at] = quotient(1, norms[row + i]);
    }
  });
  return { keyTotals, valueMeans, inverseNorms };
}

export const cases = sizes.flatMap(({ range, benchOnly, ...size }): KernelCase[] => {
  const { batch, tokens, heads, headDim } = size;
  const length = batch * tokens * heads * headDim;
  const name = `${batch}x${tokens}x${heads}x${headDim}${range ? `, range ${range.map((factor) => factor.toExponential()).join(" ")}` : ""}`;
  const { keyTotals, valueMeans, inverseNorms } = pathAttentionSaved(size);
  const saved = {
    keyTotals: { length: keyTotals },
    valueMeans: { length: valueMeans },
    inverseNorms: { length: inverseNorms },
  };
  // No term is negative, so that errors are relative.
  const tolerance = { ...sumOf(tokens + headDim), atol: 0 };
  return [
    {
      name: `pathAttention ${name}`,
      inputs: () => ({ qkv: operands(size, range).qkv }),
      outputs: { out: { length }, ...saved },
      run: (gpu, { qkv, out, keyTotals, valueMeans, inverseNorms }) =>
        pathAttention(gpu, { qkv, out, keyTotals, valueMeans, inverseNorms }, size),
      oracle: ({ qkv }) => ({ out: forward(qkv, size), ...kept(qkv, size) }),
      tolerance,
      flops: 4 * length * headDim,
      bytes: 16 * length,
      benchOnly,
    },
    {
      name: `pathAttentionGrad ${name}`,
      inputs: () => {
        const { qkv, dOut } = operands(size, range);
        const { keyTotals, valueMeans, inverseNorms } = kept(qkv, size);
        return {
          qkv,
          dOut,
          keyTotals: Float32Array.from(keyTotals),
          valueMeans: Float32Array.from(valueMeans),
          inverseNorms: Float32Array.from(inverseNorms),
        };
      },
      outputs: { dQkv: { length: 3 * length } },
      run: (gpu, { qkv, dOut, keyTotals, valueMeans, inverseNorms, dQkv }) =>
        pathAttentionGrad(gpu, { qkv, dOut, keyTotals, valueMeans, inverseNorms, dQkv }, size),
      oracle: ({ qkv, dOut }) => ({ dQkv: backward(qkv, dOut, size) }),
      tolerance,
      flops: 8 * length * headDim,
      bytes: 28 * length,
      benchOnly,
    },
  ];
});

const small = { batch: 2, tokens: 6, heads: 2, headDim: 3 };
const { qkv: at, dOut } = operands(small);
const held = normsOf(products(at, small), small.tokens);
export const gradients: GradientCase[] = [
  {
    name: "path attention by qkv, its divisors held",
    f: (qkv) => dot(forward(qkv, small, held), dOut),
    at,
    gradient: () => backward(at, dOut, small),
  },
];

import { type AttentionSize, type AttentionVariant, attention, attentionGrad } from "../../src/kernels/attention.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

/** Visits each head of each image with accessors into the packed qkv and into out, and its place in logsumexp. */
export function eachHead(
  { batch, tokens, heads, headDim }: AttentionSize,
  visit: (
    packed: (part: number, token: number, d: number) => number,
    out: (token: number, d: number) => number,
    row: number,
  ) => void,
) {
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      visit(
        (part, token, d) => (((b * tokens + token) * 3 + part) * heads + h) * headDim + d,
        (token, d) => ((b * tokens + token) * heads + h) * headDim + d,
        (b * heads + h) * tokens,
      );
    }
  }
}

const scaleOf = ({ headDim, scale = headDim ** -0.5 }: AttentionSize) => scale;

export function forward(qkv: Numbers, size: AttentionSize, gate?: Numbers, causal = false) {
  const { batch, tokens, heads, headDim } = size;
  const out = new Float64Array(batch * tokens * heads * headDim);
  const logsumexp = new Float64Array(batch * heads * tokens);
  eachHead(size, (packed, place, row) => {
    for (let t = 0; t < tokens; t++) {
      const keys = causal ? t + 1 : tokens;
      const scores = new Float64Array(keys);
      for (let j = 0; j < keys; j++) {
        for (let d = 0; d < headDim; d++) scores[j] += scaleOf(size) * qkv[packed(0, t, d)] * qkv[packed(1, j, d)];
      }
      const highest = Math.max(...scores);
      const share = (j: number) => (gate?.[j] ?? 1) * Math.exp(scores[j] - highest);
      const total = scores.reduce((sum, _, j) => sum + share(j), 0);
      logsumexp[row + t] = highest + Math.log(total);
      for (let j = 0; j < keys; j++) {
        const probability = share(j) / total;
        for (let d = 0; d < headDim; d++) out[place(t, d)] += probability * qkv[packed(2, j, d)];
      }
    }
  });
  return { out, logsumexp };
}

export function backward(
  qkv: Numbers,
  out: Numbers,
  logsumexp: Numbers,
  dOut: Numbers,
  size: AttentionSize,
  gate?: Numbers,
  causal = false,
) {
  const { tokens, headDim } = size;
  const scale = scaleOf(size);
  const dQkv = new Float64Array(qkv.length);
  const dKeyGate = new Float64Array(tokens);
  eachHead(size, (packed, place, row) => {
    for (let t = 0; t < tokens; t++) {
      let delta = 0;
      for (let d = 0; d < headDim; d++) delta += dOut[place(t, d)] * out[place(t, d)];
      for (let j = 0; j < (causal ? t + 1 : tokens); j++) {
        let score = 0;
        let dProbability = 0;
        for (let d = 0; d < headDim; d++) {
          score += scale * qkv[packed(0, t, d)] * qkv[packed(1, j, d)];
          dProbability += dOut[place(t, d)] * qkv[packed(2, j, d)];
        }
        const ungated = Math.exp(score - logsumexp[row + t]);
        dKeyGate[j] += ungated * (dProbability - delta);
        const probability = (gate?.[j] ?? 1) * ungated;
        const slope = scale * probability * (dProbability - delta);
        for (let d = 0; d < headDim; d++) {
          dQkv[packed(0, t, d)] += slope * qkv[packed(1, j, d)];
          dQkv[packed(1, j, d)] += slope * qkv[packed(0, t, d)];
          dQkv[packed(2, j, d)] += probability * dOut[place(t, d)];
        }
      }
    }
  });
  return { dQkv, dKeyGate };
}

type Shape = AttentionSize & { readonly benchOnly?: boolean; readonly variant?: AttentionVariant };

const sizes: Shape[] = [
  { batch: 1, tokens: 1, heads: 1, headDim: 1 },
  { batch: 1, tokens: 1, heads: 1, headDim: 4 },
  { batch: 2, tokens: 7, heads: 2, headDim: 5 },
  { batch: 2, tokens: 9, heads: 3, headDim: 16 },
  { batch: 1, tokens: 17, heads: 2, headDim: 12, scale: 0.7 },
  { batch: 1, tokens: 33, heads: 2, headDim: 14 },
  { batch: 1, tokens: 37, heads: 1, headDim: 36 },
  { batch: 1, tokens: 131, heads: 1, headDim: 8 },
  { batch: 1, tokens: 65, heads: 1, headDim: 64 },
  { batch: 1, tokens: 64, heads: 1, headDim: 127 },
  { batch: 1, tokens: 63, heads: 1, headDim: 128 },
  { batch: 1, tokens: 33, heads: 1, headDim: 129 },
  { batch: 1, tokens: 9, heads: 2, headDim: 300 },
  { batch: 1, tokens: 57, heads: 2, headDim: 20 },
  { batch: 2, tokens: 9, heads: 3, headDim: 16, variant: "stream" },
  { batch: 1, tokens: 61, heads: 1, headDim: 11, variant: "stream" },
  { batch: 2, tokens: 9, heads: 3, headDim: 16, variant: "short" },
  { batch: 1, tokens: 37, heads: 2, headDim: 5, variant: "short" },
  { batch: 2, tokens: 9, heads: 3, headDim: 16, variant: "lane" },
  { batch: 2, tokens: 9, heads: 3, headDim: 16, variant: "row" },
  { batch: 1, tokens: 65, heads: 1, headDim: 64, variant: "row" },
  { batch: 8, tokens: 197, heads: 3, headDim: 64, benchOnly: true },
  { batch: 64, tokens: 17, heads: 4, headDim: 16, benchOnly: true },
  { batch: 64, tokens: 50, heads: 4, headDim: 16, benchOnly: true },
];

export const shapeOf = ({ batch, tokens, heads, headDim, variant }: Shape) =>
  `${batch}x${tokens}x${heads}x${headDim}${variant ? `, ${variant} variant` : ""}`;

const forwardCases: KernelCase[] = sizes.map(({ benchOnly, variant, ...size }) => {
  const { batch, tokens, heads, headDim } = size;
  const length = batch * tokens * heads * headDim;
  return {
    name: `attention ${shapeOf({ ...size, variant })}`,
    inputs: () => ({ qkv: normals(3 * length, length, 1.5) }),
    outputs: { out: { length }, logsumexp: { length: batch * heads * tokens } },
    run: (gpu, { qkv, out, logsumexp }, storage) => attention(gpu, { qkv, out, logsumexp }, size, { variant, storage }),
    float16: ["qkv", "out"],
    oracle: ({ qkv }) => forward(qkv, size),
    tolerance: sumOf(tokens + headDim, 2),
    flops: 4 * length * tokens,
    bytes: 16 * length,
    benchOnly,
  };
});

const gradientCases: KernelCase[] = sizes.map(({ benchOnly, variant, ...size }) => {
  const { batch, tokens, heads, headDim } = size;
  const length = batch * tokens * heads * headDim;
  const inputs = () => {
    const qkv = normals(3 * length, length, 1.5);
    const { out, logsumexp } = forward(qkv, size);
    return {
      qkv,
      out: Float32Array.from(out),
      logsumexp: Float32Array.from(logsumexp),
      dOut: normals(length, 2),
    };
  };
  return {
    name: `attentionGrad ${shapeOf({ ...size, variant })}`,
    inputs,
    outputs: { dQkv: { length: 3 * length } },
    run: (gpu, { qkv, out, logsumexp, dOut, dQkv }) =>
      attentionGrad(gpu, { qkv, out, logsumexp, dOut, dQkv }, size, { variant }),
    oracle: ({ qkv, out, logsumexp, dOut }) => ({ dQkv: backward(qkv, out, logsumexp, dOut, size).dQkv }),
    tolerance: sumOf(tokens + headDim, 4),
    flops: 10 * length * tokens,
    bytes: 32 * length,
    benchOnly,
  };
});

/** Open, half open and closed keys. */
export const gates = (tokens: number) => Float32Array.from({ length: tokens }, (_, j) => [1, 0.5, 0, 1.5][j % 4]);

/** Which keys a query sees, and how much of them. */
const selections = {
  gated: { gated: true, causal: false },
  causal: { gated: false, causal: true },
  "gated, causal": { gated: true, causal: true },
};

const selectiveSizes: Shape[] = [
  { batch: 1, tokens: 1, heads: 1, headDim: 1 },
  { batch: 2, tokens: 7, heads: 2, headDim: 5 },
  { batch: 2, tokens: 37, heads: 3, headDim: 8 },
  { batch: 1, tokens: 131, heads: 1, headDim: 4 },
  { batch: 1, tokens: 57, heads: 2, headDim: 20, variant: "stream" },
  { batch: 2, tokens: 37, heads: 3, headDim: 8, variant: "short" },
  { batch: 2, tokens: 37, heads: 3, headDim: 8, variant: "lane" },
  { batch: 2, tokens: 37, heads: 3, headDim: 8, variant: "row" },
  { batch: 64, tokens: 77, heads: 8, headDim: 64, benchOnly: true }, // CLIP ViT-B/32's text
];

const selectiveCases: KernelCase[] = selectiveSizes.flatMap(({ benchOnly, variant, ...size }) =>
  Object.entries(selections).flatMap(([name, { gated, causal }]): KernelCase[] => {
    const { batch, tokens, heads, headDim } = size;
    const length = batch * tokens * heads * headDim;
    const operands = () => ({ qkv: normals(3 * length, length, 1.5), ...(gated && { keyGate: gates(tokens) }) });
    const tolerance = sumOf(tokens + headDim, 4);
    return [
      {
        name: `attention ${shapeOf({ ...size, variant })}, ${name}`,
        inputs: operands,
        outputs: { out: { length }, logsumexp: { length: batch * heads * tokens } },
        run: (gpu, { qkv, keyGate, out, logsumexp }, storage) =>
          attention(gpu, { qkv, keyGate, out, logsumexp }, size, { causal, variant, storage }),
        float16: ["qkv", "out"],
        oracle: ({ qkv, keyGate }) => forward(qkv, size, keyGate, causal),
        tolerance,
        flops: (4 * length * tokens) / (causal ? 2 : 1),
        bytes: 16 * length,
        benchOnly,
      },
      {
        name: `attentionGrad ${shapeOf({ ...size, variant })}, ${name}`,
        inputs: () => {
          const { qkv, keyGate } = operands();
          const { out, logsumexp } = forward(qkv, size, keyGate, causal);
          const results = { out: Float32Array.from(out), logsumexp: Float32Array.from(logsumexp) };
          return { qkv, ...(keyGate && { keyGate }), ...results, dOut: normals(length, 2) };
        },
        outputs: { dQkv: { length: 3 * length }, ...(gated && { dKeyGate: { length: tokens } }) },
        run: (gpu, { qkv, keyGate, out, logsumexp, dOut, dQkv, dKeyGate }) =>
          attentionGrad(gpu, { qkv, keyGate, out, logsumexp, dOut, dQkv, dKeyGate }, size, { causal, variant }),
        oracle: ({ qkv, keyGate, out, logsumexp, dOut }) => {
          const { dQkv, dKeyGate } = backward(qkv, out, logsumexp, dOut, size, keyGate, causal);
          return { dQkv, ...(gated && { dKeyGate }) };
        },
        tolerance: { ...tolerance, terms: batch * heads * tokens * headDim },
        flops: (10 * length * tokens) / (causal ? 2 : 1),
        bytes: 32 * length,
        benchOnly,
      },
    ];
  }),
);

export const cases = [...forwardCases, ...gradientCases, ...selectiveCases];

const small = { batch: 2, tokens: 3, heads: 2, headDim: 2, scale: 0.9 };
const at = normals(72, 5);
const dOut = normals(24, 6);
const smallGates = Float32Array.of(1, 0.5, 0);
export const gradients: GradientCase[] = [
  {
    name: "attention by qkv",
    f: (qkv) => dot(forward(qkv, small).out, dOut),
    at,
    gradient: () => {
      const { out, logsumexp } = forward(at, small);
      return backward(at, out, logsumexp, dOut, small).dQkv;
    },
  },
  {
    name: "gated attention by qkv",
    f: (qkv) => dot(forward(qkv, small, smallGates).out, dOut),
    at,
    gradient: () => {
      const { out, logsumexp } = forward(at, small, smallGates);
      return backward(at, out, logsumexp, dOut, small, smallGates).dQkv;
    },
  },
  {
    name: "causal attention by qkv",
    f: (qkv) => dot(forward(qkv, small, smallGates, true).out, dOut),
    at,
    gradient: () => {
      const { out, logsumexp } = forward(at, small, smallGates, true);
      return backward(at, out, logsumexp, dOut, small, smallGates, true).dQkv;
    },
  },
  {
    name: "causal attention by key gates",
    f: (gate) => dot(forward(at, small, gate, true).out, dOut),
    at: smallGates,
    gradient: () => {
      const { out, logsumexp } = forward(at, small, smallGates, true);
      return backward(at, out, logsumexp, dOut, small, smallGates, true).dKeyGate;
    },
  },
  {
    name: "attention by key gates",
    f: (gate) => dot(forward(at, small, gate).out, dOut),
    at: smallGates,
    gradient: () => {
      const { out, logsumexp } = forward(at, small, smallGates);
      return backward(at, out, logsumexp, dOut, small, smallGates).dKeyGate;
    },
  },
];

import { classAttention } from "../../src/kernels/class-attention.js";
import { type KeepTokensSize, keepTokens } from "../../src/kernels/keep-tokens.js";
import { NONE } from "../../src/kernels/none.js";
import { placeRows } from "../../src/kernels/place-rows.js";
import { EXACT, sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals, uniforms } from "../harness/random.js";

type Numbers = ArrayLike<number>;

interface Heads {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
  readonly scale?: number;
}

function classAttentionOf(qkv: Numbers, { batch, tokens, heads, headDim, scale = headDim ** -0.5 }: Heads) {
  const attention = new Float64Array(batch * tokens);
  const width = heads * headDim;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const query = b * tokens * 3 * width + h * headDim;
      const scores = Array.from({ length: tokens }, (_, t) => {
        const key = (b * tokens + t) * 3 * width + width + h * headDim;
        let sum = 0;
        for (let d = 0; d < headDim; d++) sum += qkv[query + d] * qkv[key + d];
        return scale * sum;
      });
      const highest = Math.max(...scores);
      const total = scores.reduce((sum, score) => sum + Math.exp(score - highest), 0);
      scores.forEach((score, t) => {
        attention[b * tokens + t] += Math.exp(score - highest) / total / heads;
      });
    }
  }
  return attention;
}

const headShapes: (Heads & { benchOnly?: boolean })[] = [
  { batch: 1, tokens: 1, heads: 1, headDim: 1 },
  { batch: 2, tokens: 7, heads: 3, headDim: 5 },
  { batch: 3, tokens: 17, heads: 2, headDim: 8, scale: 0.7 },
  { batch: 2, tokens: 65, heads: 3, headDim: 64 },
  { batch: 32_771, tokens: 3, heads: 2, headDim: 1 },
  { batch: 8, tokens: 197, heads: 3, headDim: 64, benchOnly: true },
];

const attentionCases = headShapes.map(({ benchOnly, ...size }): KernelCase => {
  const { batch, tokens, heads, headDim } = size;
  const count = batch * tokens * heads;
  return {
    name: `classAttention ${batch}x${tokens}, ${heads} heads of ${headDim}`,
    inputs: () => ({ qkv: normals(3 * count * headDim, tokens + heads) }),
    outputs: { attention: { length: batch * tokens } },
    run: (gpu, { qkv, attention }, storage) => classAttention(gpu, { qkv, attention }, size, { storage }),
    float16: ["qkv"],
    oracle: ({ qkv }) => ({ attention: classAttentionOf(qkv, size) }),
    tolerance: sumOf(tokens * headDim),
    flops: 2 * count * headDim + 6 * count,
    bytes: 4 * (count * headDim + batch * heads * headDim + batch * tokens), // keys, class queries, result
    benchOnly,
  };
});

/** By sorting, where the kernel counts. */
function choose(attention: Numbers, { batch, tokens, prefixTokens, kept }: KeepTokensSize) {
  const rows: number[] = [];
  const places = new Uint32Array(batch * tokens).fill(NONE);
  for (let b = 0; b < batch; b++) {
    const patches = Array.from({ length: tokens - prefixTokens }, (_, i) => b * tokens + prefixTokens + i);
    const best = patches.sort((a, z) => attention[z] - attention[a] || a - z).slice(0, kept);
    const prefix = Array.from({ length: prefixTokens }, (_, i) => b * tokens + i);
    for (const row of [...prefix, ...best.sort((a, z) => a - z)]) {
      places[row] = rows.length;
      rows.push(row);
    }
  }
  return { rows: Uint32Array.from(rows), places };
}

/** Attentions of few different values have many ties. */
const choices: [size: KeepTokensSize, values: number, benchOnly?: boolean][] = [
  [{ batch: 1, tokens: 1, prefixTokens: 1, kept: 0 }, 4],
  [{ batch: 1, tokens: 2, prefixTokens: 0, kept: 1 }, 4],
  [{ batch: 3, tokens: 17, prefixTokens: 1, kept: 11 }, 1e6],
  [{ batch: 3, tokens: 17, prefixTokens: 2, kept: 5 }, 3],
  [{ batch: 2, tokens: 65, prefixTokens: 1, kept: 64 }, 5], // all
  [{ batch: 2, tokens: 64, prefixTokens: 1, kept: 0 }, 5], // the prefix only
  [{ batch: 5, tokens: 131, prefixTokens: 1, kept: 63 }, 1], // all are equal
  [{ batch: 87_391, tokens: 3, prefixTokens: 1, kept: 1 }, 2],
  [{ batch: 64, tokens: 197, prefixTokens: 1, kept: 137 }, 1e6, true],
];

const choiceCases = choices.map(([size, values, benchOnly]): KernelCase => {
  const { batch, tokens, prefixTokens, kept } = size;
  const count = batch * tokens;
  return {
    name: `keepTokens ${batch}x${tokens}, ${kept} after ${prefixTokens}, ${values} values`,
    inputs: () => ({ attention: uniforms(count, count, 0, 1).map((value) => Math.floor(value * values) / values) }),
    outputs: {
      rows: { length: batch * (prefixTokens + kept), type: "u32" },
      places: { length: count, type: "u32" },
    },
    run: (gpu, { attention, rows, places }) => keepTokens(gpu, { attention, rows, places }, size),
    oracle: ({ attention }) => choose(attention, size),
    tolerance: EXACT,
    bytes: 4 * (2 * count + batch * (prefixTokens + kept)),
    benchOnly,
  };
});

/** Not a number is above all numbers, so that exactly as many tokens stay as were asked for. */
const withoutNumbers: KernelCase = {
  name: "keepTokens among tokens whose attention is not a number",
  inputs: () => ({ attention: Float32Array.of(Number.NaN, 0.5, Number.NaN, 0.25, Number.NaN, 0.75) }),
  outputs: { rows: { length: 5, type: "u32" }, places: { length: 6, type: "u32" } },
  run: (gpu, { attention, rows, places }) =>
    keepTokens(gpu, { attention, rows, places }, { batch: 1, tokens: 6, prefixTokens: 1, kept: 4 }),
  oracle: () => ({ rows: Uint32Array.of(0, 1, 2, 4, 5), places: Uint32Array.of(0, 1, 2, NONE, 3, 4) }),
  tolerance: EXACT,
};

function placed(x: Numbers, source: Numbers, width: number): Float64Array {
  return Float64Array.from({ length: source.length * width }, (_, i) => {
    const row = source[Math.floor(i / width)];
    return row === NONE ? 0 : x[row * width + (i % width)];
  });
}

const rowShapes: [size: KeepTokensSize, width: number, benchOnly?: boolean][] = [
  [{ batch: 1, tokens: 1, prefixTokens: 1, kept: 0 }, 1],
  [{ batch: 2, tokens: 5, prefixTokens: 1, kept: 2 }, 3],
  [{ batch: 3, tokens: 17, prefixTokens: 2, kept: 9 }, 12],
  [{ batch: 2, tokens: 131, prefixTokens: 1, kept: 60 }, 65],
  [{ batch: 43_691, tokens: 3, prefixTokens: 1, kept: 1 }, 4],
  [{ batch: 64, tokens: 197, prefixTokens: 1, kept: 137 }, 192, true],
];

const rowCases = rowShapes.flatMap(([size, width, benchOnly]): KernelCase[] => {
  const { batch, tokens, prefixTokens, kept } = size;
  const [all, stay] = [batch * tokens, batch * (prefixTokens + kept)];
  const chosen = () => choose(uniforms(all, 3), size);
  const placing = (name: string, from: number, to: number, source: () => Uint32Array): KernelCase => ({
    name: `placeRows, ${name}: ${batch}x${tokens}, ${kept} after ${prefixTokens}, width ${width}`,
    inputs: () => ({ x: normals(from * width, 4), source: source() }),
    outputs: { y: { length: to * width } },
    run: (gpu, { x, source, y }, storage) => placeRows(gpu, { x, source, y }, { rows: to, width }, { storage }),
    float16: ["x", "y"],
    oracle: ({ x, source }) => ({ y: placed(x, source, width) }),
    tolerance: EXACT,
    bytes: 4 * width * (stay + to),
    benchOnly,
  });
  return [
    placing("tokens that stay", all, stay, () => chosen().rows),
    placing("back", stay, all, () => chosen().places),
  ];
});

export const cases: KernelCase[] = [...attentionCases, ...choiceCases, withoutNumbers, ...rowCases];

const { rows, places } = choose(uniforms(10, 3), { batch: 2, tokens: 5, prefixTokens: 1, kept: 2 });
const dy = normals(18, 5);
export const gradients: GradientCase[] = [
  {
    name: "placeRows of tokens that stay",
    f: (x) => dot(placed(x, rows, 3), dy),
    at: normals(30, 6),
    gradient: () => placed(dy, places, 3),
  },
];

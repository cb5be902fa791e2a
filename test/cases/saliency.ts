import { accumulateSaliency, type Statistic } from "../../src/kernels/saliency.js";
import { sumOf } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

const STATISTICS: Record<Statistic, (g: number, w: number) => number> = {
  signed: (g, w) => g * w,
  absolute: (g, w) => Math.abs(g * w),
  squared: (g, w) => (g * w) ** 2,
  gradientSquared: (g) => g * g,
};

interface Layout {
  readonly what: string;
  readonly length: number;
  readonly inner: number;
  readonly period: number;
  readonly offset?: number;
  readonly benchOnly?: boolean;
}

const weights = (length: number, offset = 0, benchOnly = false): Layout => ({
  what: `weights ${length}${offset ? ` at ${offset}` : ""}`,
  length,
  inner: 1,
  period: length,
  offset,
  benchOnly,
});
const rows = (out: number, inputs: number, offset = 0): Layout => ({
  what: `rows ${out}x${inputs}`,
  length: out * inputs,
  inner: inputs,
  period: out,
  offset,
});
const columns = (out: number, inputs: number, offset = 0): Layout => ({
  what: `columns ${out}x${inputs}`,
  length: out * inputs,
  inner: 1,
  period: inputs,
  offset,
});

const layouts: Layout[] = [
  weights(1),
  weights(1021),
  weights(1024, 68),
  weights(1025, 7),
  weights(4099, 132),
  weights(5_700_000, 0, true),
  weights(22_000_000, 0, true),
  rows(1, 1),
  rows(7, 13, 3),
  rows(5, 251),
  rows(3, 257, 65),
  rows(97, 768, 1),
  rows(3, 4001),
  rows(1, 131_074),
  { ...rows(3072, 768), benchOnly: true },
  columns(2, 1),
  columns(13, 7, 2),
  columns(67, 97, 70),
  columns(4101, 12),
  { ...columns(768, 3072), benchOnly: true },
  { what: "heads of qkv 3x4x8x24", length: 3 * 4 * 8 * 24, inner: 8 * 24, period: 4 },
  { what: "heads of qkv 3x3x64x192", length: 3 * 3 * 64 * 192, inner: 64 * 192, period: 3, offset: 6 },
  { what: "heads of projection 192x3x64", length: 192 * 3 * 64, inner: 64, period: 3 },
  { what: "blocks of 100x100", length: 10_000, inner: 100, period: 100 },
];

function sums(score: Float32Array, term: (i: number) => number, { length, inner, period, offset = 0 }: Layout) {
  const result = Float64Array.from(score);
  for (let i = 0; i < length; i++) result[offset + (Math.floor(i / inner) % period)] += term(i);
  return { score: result };
}

function accumulateCase(statistic: Statistic, layout: Layout): KernelCase {
  const { what, length, period, offset = 0, benchOnly } = layout;
  const scores = offset + period + 3;
  return {
    name: `accumulateSaliency ${statistic} ${what}`,
    inputs: () => ({
      gradient: normals(length, length),
      weight: normals(length, length + 1),
      score: normals(scores, period),
    }),
    outputs: { score: { length: scores } },
    run: (gpu, { gradient, weight, score }) => accumulateSaliency(gpu, statistic, { gradient, weight, score }, layout),
    oracle: ({ gradient, weight, score }) =>
      sums(score as Float32Array, (i) => STATISTICS[statistic](gradient[i], weight[i]), layout),
    tolerance: sumOf(length / period + 1),
    flops: 3 * length,
    bytes: 8 * length + 8 * period,
    benchOnly,
  };
}

const statistics = Object.keys(STATISTICS) as Statistic[];

export const cases: KernelCase[] = [
  ...layouts.map((layout) => accumulateCase("absolute", layout)),
  ...statistics.flatMap((statistic) =>
    [weights(1021), rows(37, 300), columns(101, 36)].map((layout) => accumulateCase(statistic, layout)),
  ),
];

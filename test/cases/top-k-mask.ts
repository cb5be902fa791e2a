import { type TopKRange, topKMask, topKMaskGrad } from "../../src/kernels/top-k-mask.js";
import { EXACT, sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

/** By sorting, which ranks equal scores by their places. */
function forward(scores: Numbers, thresholds: Numbers, ranges: readonly TopKRange[]): Float64Array {
  const mask = new Float64Array(scores.length);
  ranges.forEach(({ offset, count, roundTo = 1 }, r) => {
    let keep = Math.max(1, Math.ceil(count / (1 + Math.exp(-thresholds[r]))));
    if (count % roundTo === 0) keep = Math.max(roundTo, Math.floor(keep / roundTo + 0.5) * roundTo);
    const order = Array.from({ length: count }, (_, i) => offset + i).sort((a, b) => scores[b] - scores[a] || a - b);
    for (const i of order.slice(0, keep)) mask[i] = 1;
  });
  return mask;
}

const gradientOracle = (mask: Numbers, dMask: Numbers, ranges: readonly TopKRange[]): number[] =>
  ranges.map(({ offset, count }) => {
    let total = 0;
    for (let i = offset; i < offset + count; i++) total += dMask[i] * mask[i];
    return total;
  });

/** Ranges side by side. */
function ranged(counts: readonly number[], roundTo?: number): TopKRange[] {
  let end = 0;
  return counts.map((count) => {
    end += count;
    return { offset: end - count, count, roundTo };
  });
}

const lists: [name: string, ranges: TopKRange[], benchOnly?: boolean][] = [
  ["of 1", ranged([1])],
  ["of 2, 3, 5, 7 and 61", ranged([2, 3, 5, 7, 61])],
  ["of 7, 8, 9, 63, 64 and 65", ranged([7, 8, 9, 63, 64, 65])],
  ["in sixteens of 16, 48, 40, 64 and 192", ranged([16, 48, 40, 64, 192], 16)],
  ["in eights of 8, 24 and 100", ranged([8, 24, 100], 8)],
  ["of 70,001 by 1", ranged(Array<number>(70_001).fill(1))],
  ["in a block of DeiT-tiny", ranged([3, 192, 768, 192], 16)],
  ["in ViT-Base", ranged(Array.from({ length: 12 }, () => [12, 768, 3072, 768]).flat(), 16), true],
];

/** Thresholds of both signs, the first so far out that one unit, or all of them, stay. */
const thresholdsOf = (ranges: readonly TopKRange[]) => {
  const thresholds = normals(ranges.length, 3, 2);
  thresholds.set([-200, 100, 10, -9].slice(0, ranges.length));
  return thresholds;
};

const lengthOf = (ranges: readonly TopKRange[]) => ranges[ranges.length - 1].offset + ranges[ranges.length - 1].count;

const maskCase = (name: string, ranges: TopKRange[], scores: () => Float32Array, benchOnly?: boolean): KernelCase => ({
  name: `topKMask ${name}`,
  inputs: () => ({ scores: scores(), thresholds: thresholdsOf(ranges) }),
  outputs: { mask: { length: lengthOf(ranges) } },
  run: (gpu, { scores, thresholds, mask }) => topKMask(gpu, { scores, thresholds, mask }, ranges),
  oracle: ({ scores, thresholds }) => ({ mask: forward(scores, thresholds, ranges) }),
  tolerance: EXACT,
  flops: ranges.reduce((sum, { count }) => sum + count * count, 0),
  bytes: 8 * lengthOf(ranges),
  benchOnly,
});

const gradCase = (name: string, ranges: TopKRange[], benchOnly?: boolean): KernelCase => ({
  name: `topKMaskGrad ${name}`,
  inputs: () => ({
    mask: normals(lengthOf(ranges), 5).map((value) => Number(value > 0)),
    dMask: normals(lengthOf(ranges), 6),
  }),
  outputs: { dThresholds: { length: ranges.length } },
  run: (gpu, { mask, dMask, dThresholds }) => topKMaskGrad(gpu, { mask, dMask, dThresholds }, ranges),
  oracle: ({ mask, dMask }) => ({ dThresholds: gradientOracle(mask, dMask, ranges) }),
  tolerance: sumOf(ranges.reduce((largest, { count }) => Math.max(largest, count), 0)),
  flops: 2 * lengthOf(ranges),
  bytes: 8 * lengthOf(ranges),
  benchOnly,
});

const three = ranged([40, 64, 21]);

export const cases: KernelCase[] = [
  ...lists.flatMap(([name, ranges, benchOnly]) => [
    maskCase(name, ranges, () => normals(lengthOf(ranges), 1), benchOnly),
    gradCase(name, ranges, benchOnly),
  ]),
  maskCase("of equal scores", three, () => new Float32Array(lengthOf(three))),
  maskCase("of few values", three, () => normals(lengthOf(three), 2).map(Math.round)),
];

// The mask itself has no derivative; what the thresholds get is that by a factor common to all of a range that stays.
const mask = normals(12, 7).map((value) => Number(value > 0));
const dMask = normals(12, 8);
const pair = ranged([5, 7]);

export const gradients: GradientCase[] = [
  {
    name: "topKMask by a factor of what stays",
    f: (factors) =>
      dot(
        Float64Array.from(mask, (value, i) => value * factors[i < 5 ? 0 : 1]),
        dMask,
      ),
    at: [1, 1],
    gradient: () => gradientOracle(mask, dMask, pair),
  },
];

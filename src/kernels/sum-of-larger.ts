/** For every score, the sum over those that are as large or larger. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { rankedSums } from "./ranked.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import type { ScoreRange } from "./sort.js";

/**
 * y[i] = sum of values[j] over all j of the range with scores[j] >= scores[i], i itself included; equal scores get the same sum, -0 equals +0, and
 * NaNs are equal and above infinity. With squared weights as scores and as values, values / y is LAMP's score (Lee et al., ICLR 2021), which the
 * authors define over a sorted list: there equal weights differ by their places. All f32 and indexed over the arena; y must not be one of the
 * others. Sums as `scan`.
 * @throws ShapeError when a buffer is too short.
 */
export function sumOfLarger(
  gpu: Gpu,
  { scores, values, y }: { scores: BufferLike; values: BufferLike; y: BufferLike },
  { offset, count }: ScoreRange,
): void {
  const needed = offset + count;
  requireSizes("sumOfLarger", { count });
  requireElements("sumOfLarger", { scores, values, y }, { scores: needed, values: needed, y: needed });
  using _temporaries = gpu.scope();
  const { keys, permutation, sums } = rankedSums(gpu, { scores, values }, { offset, count }, { type: "f32" });
  const scatter = { buffers: { keys, x: sums, permutation, y }, params: { first: offset, count }, inFours: false };
  dispatchElementwise(gpu, shaders.scatter_ranked, scatter, count);
}

/** For every score, the sum over those that rank at or above it. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { rankedSums } from "./ranked.js";
import * as shaders from "./shaders.gen.js";
import type { ScoreRange } from "./sort.js";

/**
 * y[i] = sum of values[j] over all j of the range whose score ranks at or above that of i, i itself included; of equal scores the later index
 * ranks higher, as in selection. With squared weights as scores and as values, values / y is LAMP's score (Lee et al., ICLR 2021). All f32 and
 * indexed over the arena; y must not be one of the others. Sums as `scan`.
 * @throws ShapeError when a buffer is too short.
 */
export function sumOfLarger(
  gpu: Gpu,
  { scores, values, y }: { scores: BufferLike; values: BufferLike; y: BufferLike },
  { offset, count }: ScoreRange,
): void {
  const needed = offset + count;
  requireElements("sumOfLarger", { scores, values, y }, { scores: needed, values: needed, y: needed });
  using _temporaries = gpu.scope();
  const { permutation, sums } = rankedSums(gpu, { scores, values }, { offset, count }, { type: "f32" });
  const scatter = { buffers: { x: sums, permutation, y }, params: { first: offset, count }, inFours: false };
  dispatchElementwise(gpu, shaders.scatter_ranked, scatter, count);
}

/** Exact selection in many ranges of an arena. */
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import type { BufferLike } from "./buffers.js";
import { type SelectionRange, selectSmallest } from "./select.js";

/**
 * `selectSmallest` for each of many ranges. `results` (optional) has `stride` words (default 2) for each range, of which the first two are written: the
 * threshold as f32 bits and the number of scores pruned.
 */
export function selectRanges(
  gpu: Gpu,
  { scores, keep, results }: { scores: BufferLike; keep: BufferLike; results?: BufferLike },
  ranges: readonly SelectionRange[],
  stride = 2,
): void {
  using _temporaries = gpu.scope();
  ranges.forEach((range, index) => {
    const threshold = gpu.allocate(8);
    selectSmallest(gpu, { scores, keep, threshold }, range);
    if (results) gpu.copy(threshold, bufferOf(results), 8, 0, index * stride * 4);
  });
}

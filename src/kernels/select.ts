import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { type SelectionRange, type SelectTuning, selectRanges } from "./select-ranges.js";

export type { SelectionRange, SelectTuning } from "./select-ranges.js";

/**
 * `selectRanges` for one range: writes one keep bit for each score, 0 for the `prune` smallest, 1 for the others. `threshold` (optional): two words,
 * the f32 bits of the largest pruned score (NaN when nothing is pruned) and the number of scores pruned.
 * @throws UsageError when `prune` is not in 0 ... count. @throws ShapeError when a buffer is too short.
 */
export function selectSmallest(
  gpu: Gpu,
  { scores, keep, threshold }: { scores: BufferLike; keep: BufferLike; threshold?: BufferLike },
  range: SelectionRange,
  tuning: SelectTuning = {},
): void {
  selectRanges(gpu, { scores, keep, results: threshold }, [range], 2, tuning);
}

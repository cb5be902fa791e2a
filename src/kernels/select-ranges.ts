/** Exact selection of the smallest scores in many ranges of an arena at once, on the device and in one submission. */
import { UsageError } from "../errors.js";
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { requireElements } from "./elements.js";
import { type SelectBuffers, selectBatch } from "./select-batch.js";
import type { SelectVariant } from "./select-variant.js";
import type { ScoreRange } from "./sort.js";

/** Which scores are ranked, and how many of them go. */
export interface SelectionRange extends ScoreRange {
  /** How many to prune, 0 to `count`. */
  readonly prune: number;
  /**
   * "lowest-index" prunes exactly `prune` scores; of equal ones at the threshold the lowest indices go first. "less-or-equal" prunes every score
   * up to the threshold, as torch.kthvalue with a comparison does, which may be more.
   */
  readonly ties: "lowest-index" | "less-or-equal";
}

/** Overrides of what the device decides. */
export interface SelectTuning {
  readonly variant?: SelectVariant;
  /** Bytes of scores that are bound at once. */
  readonly largestBinding?: number;
}

/** Ranges at once, which bounds the memory for their bins. */
const MOST_RANGES = 256;

/**
 * Writes one keep bit for each score of each range: 0 for the `prune` smallest, 1 for the others. Bits outside of the ranges stay as they are, also in
 * words that ranges share. The ranges must not overlap.
 *
 * `scores` is an f32 arena, `keep` one bit a score over the arena; `results` (optional) has `stride` words (default 2) a range, of which the first two
 * are written: the f32 bits of the largest pruned score (NaN when nothing is pruned) and the number of scores pruned. The order is that of IEEE numbers
 * with -0 equal to +0 and NaN above infinity; denormals count.
 *
 * Scores are read once: a sample gives two keys that very likely enclose the threshold, one pass writes the bits of what lies outside and collects what
 * lies between, and the threshold is chosen among these few. That pass also marks what equals either key, so that many ties cost no further reading.
 * Where the threshold turns out to lie elsewhere, scores are read again.
 * @throws UsageError when a `prune` is not in 0 ... count. @throws ShapeError when a buffer is too short.
 */
export function selectRanges(
  gpu: Gpu,
  { scores, keep, results }: Pick<SelectBuffers, "scores" | "keep"> & Partial<SelectBuffers>,
  ranges: readonly SelectionRange[],
  stride = 2,
  tuning: SelectTuning = {},
): void {
  const end = Math.max(...ranges.map(({ offset, count }) => offset + count));
  requireElements("select", { scores, keep }, { scores: end, keep: Math.ceil(end / 32) });
  if (results) requireElements("select", { results }, { results: (ranges.length - 1) * stride + 2 });
  for (const { prune, count } of ranges) {
    if (Number.isInteger(prune) && prune >= 0 && prune <= count) continue;
    throw new UsageError(`select: expected to prune 0 to ${count} scores, got ${prune}; correct the count`);
  }
  for (let first = 0; first < ranges.length; first += MOST_RANGES) {
    using _temporaries = gpu.scope();
    const batch = ranges.slice(first, first + MOST_RANGES);
    const written = results ? rest(bufferOf(results), first * stride * 4) : gpu.allocate(batch.length * stride * 4);
    selectBatch(gpu, { scores, keep, results: written }, batch, stride, tuning);
  }
}

const rest = (buffer: GpuBuffer, from: number): GpuBuffer => buffer.view(from, buffer.byteLength - from);

/** The largest scores of each of many ranges, as many as a learned threshold says: WDPruning's binarizer. */
import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { constantTable } from "./constant-table.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";
import type { ScoreRange } from "./sort.js";

/** Scores that are ranked together. */
export interface TopKRange extends ScoreRange {
  /** What the number of kept scores is rounded to where it divides `count`; default 1. */
  readonly roundTo?: number;
}

const largestOf = (ranges: readonly TopKRange[], of: (range: TopKRange) => number): number =>
  ranges.reduce((largest, range) => Math.max(largest, of(range)), 0);

/** Elements up to the end of the last range. @throws ShapeError for no ranges and for empty ones. */
function rangesEnd(op: string, ranges: readonly TopKRange[]): number {
  if (ranges.length === 0 || ranges.some(({ count, roundTo = 1 }) => count < 1 || roundTo < 1)) {
    throw new ShapeError(`${op}: expected ranges of 1 or more scores, rounded to 1 or more; leave empty ones out`);
  }
  return largestOf(ranges, ({ offset, count }) => offset + count);
}

/**
 * mask[i] = 1 for the `keep` largest scores of each range r, else 0, keep = ceil(sigmoid(thresholds[r]) * count), at least 1. Where `roundTo` divides
 * count, keep goes to the nearest multiple of it, up on ties, at least to the first. Of equal scores the first stay. As in the top-k binarizer of Yu et al.
 * (Width & Depth Pruning, AAAI 2022). `scores` and `mask` are f32 and indexed over the arena, `thresholds` has one value a range; what lies between
 * ranges is left alone. Takes time with the square of a range's length.
 * @throws ShapeError when a buffer is too short, or for a range without scores.
 */
export function topKMask(
  gpu: Gpu,
  { scores, thresholds, mask }: { scores: BufferLike; thresholds: BufferLike; mask: BufferLike },
  ranges: readonly TopKRange[],
): void {
  const end = rangesEnd("topKMask", ranges);
  requireElements("topKMask", { scores, thresholds, mask }, { scores: end, thresholds: ranges.length, mask: end });
  const GROUP = gpu.info.software ? 8 : 64;
  const chunks = ranges.flatMap(({ offset, count, roundTo = 1 }, range) =>
    Array.from({ length: Math.ceil(count / GROUP) }, (_, chunk) => [offset, count, chunk * GROUP, range, roundTo]),
  );
  using _table = gpu.scope();
  const width = ranges.every(({ offset, count }) => loadWidth(offset, count) === 4) ? 4 : 1;
  gpu.dispatch(shaders.top_k_mask, {
    buffers: { scores, thresholds, mask, chunks: constantTable(gpu, Uint32Array.from(chunks.flat())) },
    params: { chunks: chunks.length },
    constants: { GROUP, ...valueConstants(shaders.top_k_mask, width) },
    groups: chunks.length,
  });
}

/**
 * dThresholds[r] = sum of dMask * mask over range r: {@link topKMask}'s gradient by the thresholds, which leaves the sigmoid's derivative out, as
 * published. That by the scores is dMask itself (straight through).
 * @throws ShapeError when a buffer is too short, or for a range without scores.
 */
export function topKMaskGrad(
  gpu: Gpu,
  { mask, dMask, dThresholds }: { mask: BufferLike; dMask: BufferLike; dThresholds: BufferLike },
  ranges: readonly TopKRange[],
): void {
  const end = rangesEnd("topKMaskGrad", ranges);
  const lengths = { mask: end, dMask: end, dThresholds: ranges.length };
  requireElements("topKMaskGrad", { mask, dMask, dThresholds }, lengths);
  using _table = gpu.scope();
  const table = constantTable(gpu, Uint32Array.from(ranges.flatMap(({ offset, count }) => [offset, count])));
  const { constants, groups } = rowLanes(
    gpu,
    ranges.length,
    largestOf(ranges, ({ count }) => count),
  );
  gpu.dispatch(shaders.top_k_mask_grad, {
    buffers: { mask, dmask: dMask, ranges: table, dthresholds: dThresholds },
    params: { ranges: ranges.length },
    constants,
    groups,
  });
}

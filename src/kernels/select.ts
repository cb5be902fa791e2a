/** Exact selection of the smallest scores of an arena, on the device and in one submission. */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { overWords, scoreChunks } from "./score-chunks.js";
import { SELECTION_BYTES, type SelectVariant, selectKey } from "./select-key.js";
import * as shaders from "./shaders.gen.js";

/** Which scores are ranked, and how many of them go. */
export interface SelectionRange {
  /** First score of the range. */
  readonly offset: number;
  /** Scores in the range. */
  readonly count: number;
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

/**
 * Writes one keep bit for each score of a range: 0 for the `prune` smallest, 1 for the others. Bits outside of the range stay as they are, also in
 * words that the range shares with its neighbours.
 *
 * `scores` is an f32 arena, `keep` one bit a score over the whole arena, `threshold` (optional) two words: the f32 bits of the largest pruned
 * score (NaN when nothing is pruned) and the number of scores pruned. The order is that of IEEE numbers with -0 equal to +0 and NaN above
 * infinity; denormals count. Scores never leave the device; they are read twice, or three times when ties at the threshold are split.
 * @throws UsageError when `prune` is not in 0 ... count. @throws ShapeError when a buffer is too short.
 */
export function selectSmallest(
  gpu: Gpu,
  { scores, keep, threshold }: { scores: BufferLike; keep: BufferLike; threshold?: BufferLike },
  { offset, count, prune, ties }: SelectionRange,
  {
    variant = gpu.info.software ? "software" : "hardware",
    largestBinding = gpu.limits.maxStorageBufferBindingSize,
  }: SelectTuning = {},
): void {
  if (!Number.isInteger(prune) || prune < 0 || prune > count) {
    throw new UsageError(`selectSmallest: expected to prune 0 to ${count} scores, got ${prune}`);
  }
  requireElements(
    "selectSmallest",
    { scores, keep },
    { scores: offset + count, keep: Math.ceil((offset + count) / 32) },
  );
  using _temporaries = gpu.scope();
  const chunks = scoreChunks(gpu, { scores, keep }, { offset, count, largestBinding });
  const selection =
    prune > 0 ? selectKey(gpu, chunks, { count, rank: prune - 1, variant }) : gpu.allocate(SELECTION_BYTES);
  const blocks = chunks.reduce((sum, chunk) => sum + chunk.blocks, 0);
  const tieCounts = gpu.allocate(blocks * 4);
  gpu.clear(tieCounts);
  if (prune > 0 && ties === "lowest-index") {
    for (const { scores, first, end, firstBlock } of chunks) {
      const buffers = { scores, selection, ties: tieCounts };
      gpu.dispatch(shaders.select_ties, { buffers, params: { first, end, firstBlock }, ...overWords(variant, end) });
    }
  }
  gpu.dispatch(shaders.select_boundary, {
    buffers: { ties: tieCounts, selection, result: threshold ?? gpu.allocate(8) },
    params: { prune, blocks, allTies: Number(ties === "less-or-equal") },
    groups: 1,
  });
  for (const { scores, keep, first, end, firstBlock } of chunks) {
    gpu.dispatch(shaders.select_mask, {
      buffers: { scores, selection, keep },
      params: { first, end, firstBlock },
      ...overWords(variant, end),
    });
  }
}

/** Selection by what the kept scores add up to, and by a threshold. */
import { UsageError } from "../errors.js";
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import type { BufferLike } from "./buffers.js";
import { constantWords } from "./constant-table.js";
import { requireElements } from "./elements.js";
import { rankedSums } from "./ranked.js";
import { overWords, scoreChunks } from "./score-chunks.js";
import { scoreKey } from "./score-key.js";
import * as shaders from "./shaders.gen.js";
import type { ScoreRange } from "./sort.js";

/** Words that these selections write: the largest pruned score as f32 bits (NaN when there is none), the scores pruned, the sum of the kept. */
const RESULT_WORDS = 3;
const CUT_BYTES = 8;

/** What these selections have in common: f32 scores and one keep bit a score over the whole arena, and the words about the selection. */
export interface CutBuffers {
  readonly scores: BufferLike;
  readonly keep: BufferLike;
  /** [largest pruned score as f32 bits, scores pruned, sum of what is kept]; NaN, 0, ... when nothing is pruned. */
  readonly result?: BufferLike;
}

/**
 * Prunes the smallest scores, of equal ones the lowest indices first, until the costs of those that are kept add up to `budget` or less.
 * `costs`: u32, one a score over the arena, whose sum over the range must stay below 2^32, which the caller checks. The last result word is the
 * cost of the kept. Sorts: about 150 bytes of traffic a score. Scores that `demotePruned` or `promoteKept` set go or stay whatever the budget.
 * @throws UsageError when the budget is no u32. @throws ShapeError when a buffer is too short.
 */
export function selectWithin(
  gpu: Gpu,
  { costs, ...buffers }: CutBuffers & { readonly costs: BufferLike },
  { offset, count, budget }: ScoreRange & { readonly budget: number },
): void {
  if (!Number.isInteger(budget) || budget < 0 || budget >= 2 ** 32) {
    throw new UsageError(`selectWithin: expected a budget from 0 to 2^32 - 1, got ${budget}; scale the costs`);
  }
  requireElements("selectWithin", { costs }, { costs: offset + count });
  cutRange(gpu, "selectWithin", buffers, { offset, count }, (cut, result) => {
    const { keys, permutation, sums } = rankedSums(
      gpu,
      { scores: buffers.scores, values: costs },
      { offset, count },
      { type: "u32" },
    );
    gpu.dispatch(shaders.select_cut, {
      buffers: { keys, permutation, sums, cut, result },
      params: { count, budget, share: 0 },
      groups: 1,
    });
  });
}

/**
 * Prunes the smallest scores, of equal ones the lowest indices first, while the sum of those that are kept stays at least `share` of the sum of
 * all. The sums are those of `values` (default: the scores), f32, of which negative ones and NaNs count as 0; they are as exact as `scan`, and
 * the last result word is the sum of the kept. Negative scores rank below zero and go first, NaNs rank highest and stay.
 * @throws UsageError when the share is not in (0, 1]. @throws ShapeError when a buffer is too short.
 */
export function selectShare(
  gpu: Gpu,
  { values, ...buffers }: CutBuffers & { readonly values?: BufferLike },
  { offset, count, share }: ScoreRange & { readonly share: number },
): void {
  if (!(share > 0 && share <= 1)) {
    throw new UsageError(`selectShare: expected the share of the sum to keep, above 0 and up to 1, got ${share}`);
  }
  const summed = values ?? buffers.scores;
  requireElements("selectShare", { values: summed }, { values: offset + count });
  cutRange(gpu, "selectShare", buffers, { offset, count }, (cut, result) => {
    const { keys, permutation, sums } = rankedSums(
      gpu,
      { scores: buffers.scores, values: summed },
      { offset, count },
      { type: "f32", nonnegative: true },
    );
    gpu.dispatch(shaders.select_cut, {
      buffers: { keys, permutation, sums, cut, result },
      params: { count, budget: 0, share },
      constants: { SHARE: true },
      groups: 1,
    });
  });
}

/**
 * Keeps the scores of at least `threshold`, rounded to f32; NaNs stay. The first result word is the threshold, the last 0.
 * @throws UsageError when the threshold is NaN. @throws ShapeError when a buffer is too short.
 */
export function selectAbove(
  gpu: Gpu,
  buffers: CutBuffers,
  { offset, count, threshold }: ScoreRange & { readonly threshold: number },
): void {
  if (Number.isNaN(threshold)) throw new UsageError("selectAbove: expected a number as threshold, got NaN");
  cutRange(gpu, "selectAbove", buffers, { offset, count }, (cut, result) => {
    const words = new Uint32Array(RESULT_WORDS);
    new Float32Array(words.buffer)[0] = threshold;
    gpu.copy(constantWords(gpu, words), result);
    gpu.copy(constantWords(gpu, Uint32Array.of(scoreKey(threshold) - 1, 0xffffffff)), cut);
  });
}

/** Lets `find` write where the range is cut, and then its keep bits. */
function cutRange(
  gpu: Gpu,
  op: string,
  { scores, keep, result: wanted }: CutBuffers,
  { offset, count }: ScoreRange,
  find: (cut: GpuBuffer, result: GpuBuffer) => void,
): void {
  requireElements(op, { scores, keep }, { scores: offset + count, keep: Math.ceil((offset + count) / 32) });
  if (wanted) requireElements(op, { result: wanted }, { result: RESULT_WORDS });
  using _temporaries = gpu.scope();
  const cut = gpu.allocate(CUT_BYTES);
  const result = gpu.allocate(RESULT_WORDS * 4);
  gpu.clear(result);
  find(cut, result);
  for (const { start, end, first, ...chunk } of scoreChunks(gpu, { scores, keep }, { offset, count })) {
    gpu.dispatch(shaders.select_above, {
      buffers: { scores: chunk.scores, cut, keep: chunk.keep, result },
      params: { first, end, shift: (start - offset) >>> 0 },
      ...overWords(gpu, end),
    });
  }
  if (wanted) gpu.copy(result, bufferOf(wanted), RESULT_WORDS * 4);
}

/** N:M sparsity: as many scores kept in every run of neighbours. */
import { ShapeError, UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { overWords, scoreChunks } from "./score-chunks.js";
import * as shaders from "./shaders.gen.js";
import type { ScoreRange } from "./sort.js";

/** `keep` of every `run` neighbours stay: 2 of 4, 4 of 8. */
export interface Pattern {
  readonly keep: number;
  readonly run: 2 | 4 | 8 | 16 | 32;
}

const RUNS: readonly number[] = [2, 4, 8, 16, 32];

/**
 * Keeps the largest scores of every run of neighbours in the range; of equal ones the lowest indices go first. `scores` is an f32 arena, `keep` one
 * bit a score over the arena; bits outside of the range stay as they are.
 * @throws UsageError for a pattern that there is none. @throws ShapeError when the range does not consist of whole runs, or a buffer is too short.
 */
export function selectPattern(
  gpu: Gpu,
  { scores, keep: bits }: { scores: BufferLike; keep: BufferLike },
  { offset, count, keep, run }: ScoreRange & Pattern,
): void {
  if (!RUNS.includes(run) || !Number.isInteger(keep) || keep < 1 || keep > run) {
    throw new UsageError(`selectPattern: expected 1 to m scores of m = ${RUNS.join(", ")}, got ${keep} of ${run}`);
  }
  if (offset % run !== 0 || count % run !== 0) {
    throw new ShapeError(`selectPattern: expected a range in whole runs of ${run}, got ${count} scores from ${offset}`);
  }
  requireElements(
    "selectPattern",
    { scores, keep: bits },
    { scores: offset + count, keep: Math.ceil((offset + count) / 32) },
  );
  using _temporaries = gpu.scope();
  for (const { first, end, ...chunk } of scoreChunks(gpu, { scores, keep: bits }, { offset, count })) {
    const { constants, groups } = overWords(gpu, end);
    gpu.dispatch(shaders.select_pattern, {
      buffers: { scores: chunk.scores, keep: chunk.keep },
      params: { first, end },
      constants: { ...constants, RUN: run, KEEP: keep },
      groups,
    });
  }
}

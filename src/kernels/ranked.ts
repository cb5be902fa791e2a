/** Sums of what belongs to scores, along their ranks. */
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { dispatchElementwise } from "./elementwise.js";
import { scan } from "./scan.js";
import * as shaders from "./shaders.gen.js";
import { type ScoreRange, sortScores } from "./sort.js";

/** Scores of a range in order, and sums of what belongs to them. */
export interface RankedSums {
  /** As `sortScores` gives them. */
  readonly keys: GpuBuffer;
  readonly permutation: GpuBuffer;
  /** sums[r] = what belongs to the r + 1 largest scores. */
  readonly sums: GpuBuffer;
}

/** Sorts a range and sums `values` from the largest score on, in buffers of the current scope. `nonnegative`: f32 below 0 and NaNs count as 0. */
export function rankedSums(
  gpu: Gpu,
  { scores, values }: { scores: BufferLike; values: BufferLike },
  { offset, count }: ScoreRange,
  { type, nonnegative = false }: { type: "u32" | "f32"; nonnegative?: boolean },
): RankedSums {
  const [keys, permutation, ranked, sums] = [1, 2, 3, 4].map(() => gpu.allocate(count * 4));
  sortScores(gpu, { scores, keys, permutation }, { offset, count });
  const gather = {
    buffers: { x: values, permutation, y: ranked },
    params: { first: offset, count },
    constants: { NONNEGATIVE: nonnegative },
    inFours: false,
  };
  dispatchElementwise(gpu, shaders.gather_ranked, gather, count);
  scan(gpu, { x: ranked, y: sums }, { length: count, type });
  return { keys, permutation, sums };
}

/** Sorting of scores, with the permutation that sorts them. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { requireSizes } from "./require.js";
import { scan } from "./scan.js";
import * as shaders from "./shaders.gen.js";

/** Scores that lie side by side. */
export interface ScoreRange {
  /** First score of the range. */
  readonly offset: number;
  /** Scores in the range. */
  readonly count: number;
}

/** How a pass is cut: digits of BITS, tiles of EACH neighbours for each of GROUP invocations. 32 / BITS is even. */
export interface SortTile {
  readonly BITS: 4 | 8;
  readonly GROUP: number;
  readonly EACH: number;
}

const TILES = {
  /** A workgroup runs on one core: few invocations can have wide digits. */
  software: { BITS: 8, GROUP: 8, EACH: 512 },
  hardware: { BITS: 4, GROUP: 128, EACH: 16 },
} as const;

/**
 * Sorts the scores of a range from the smallest, equal ones in the order in which they lie: `permutation[r]` = place in the range (from 0) of the
 * score of rank r, `keys[r]` = that score as an integer in the order of `selectSmallest` (shaders/shared/score_key.wgsl). Both have `count` words.
 * A least-significant-digit radix sort; each pass reads and writes 16 bytes a score. The scores stay as they are.
 * @throws ShapeError when a buffer is too short.
 */
export function sortScores(
  gpu: Gpu,
  { scores, keys, permutation }: { scores: BufferLike; keys: BufferLike; permutation: BufferLike },
  { offset, count }: ScoreRange,
  tile: SortTile = TILES[gpu.info.software ? "software" : "hardware"],
): void {
  requireSizes("sortScores", { count });
  requireElements(
    "sortScores",
    { scores, keys, permutation },
    { scores: offset + count, keys: count, permutation: count },
  );
  using _temporaries = gpu.scope();
  const between = { keys: gpu.allocate(count * 4), permutation: gpu.allocate(count * 4) };
  const tiles = Math.ceil(count / (tile.GROUP * tile.EACH));
  const digits = 2 ** tile.BITS * tiles;
  const [counts, offsets] = [gpu.allocate(digits * 4), gpu.allocate(digits * 4)];
  for (let shift = 0; shift < 32; shift += tile.BITS) {
    const odd = (shift / tile.BITS) % 2 === 1;
    const [from, to] = odd ? [between, { keys, permutation }] : [{ keys, permutation }, between];
    const first = shift === 0;
    const call = {
      params: { first: first ? offset : 0, count, shift, tiles },
      constants: { ...tile, FIRST: first },
      groups: tiles,
    };
    const source = first ? { keys: scores, indices: scores } : { keys: from.keys, indices: from.permutation };
    gpu.dispatch(shaders.sort_count, { ...call, buffers: { keys: source.keys, counts } });
    scan(gpu, { x: counts, y: offsets }, { length: digits, type: "u32", exclusive: true });
    const target = { sorted: to.keys, permutation: to.permutation };
    gpu.dispatch(shaders.sort_scatter, { ...call, buffers: { ...source, offsets, ...target } });
  }
}

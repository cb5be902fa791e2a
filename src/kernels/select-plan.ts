/** How a selection in many ranges is cut: what is sampled, where candidates go, and which workgroup looks at which scores. */

import { constantNumber } from "../gpu/shader.js";
import type { SelectionRange } from "./select-ranges.js";
import * as shaders from "./shaders.gen.js";

/** Scores of the arena that kernels see at once. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** Tables for shaders/shared/selection.wgsl, and how large what they point into is. */
export interface SelectionPlan {
  readonly ranges: Uint32Array;
  /** Tiles of scores, by window. */
  readonly tiles: readonly Uint32Array[];
  readonly candidateTiles: Uint32Array;
  readonly samples: number;
  readonly candidates: number;
  readonly blocks: number;
}

/** Words of `struct Tile`. */
export const TILE_WORDS = 5;

const BLOCK = constantNumber(shaders.select_mask, "BLOCK_WORDS") * 32;
const OPEN = 0xffffffff;

/** Scores below which sampling costs more than it saves: all of them are candidates. */
const FEWEST_TO_SAMPLE = 1 << 13;
const MOST_SAMPLES = 1 << 16;
/** Standard errors of a sample's rank on either side of the bracket. */
const MARGIN = 4;

/** A sample makes its own work and saves that on candidates, 2 MARGIN sqrt(1/4 samples) / samples of all: as many as cost least together, measured on lavapipe. */
const strideFor = (count: number): number =>
  count < FEWEST_TO_SAMPLE ? 0 : Math.ceil(count / Math.min(MOST_SAMPLES, 1.67 * count ** (2 / 3)));

/** `tile`: scores a workgroup takes, whole blocks. */
export function planSelection(
  ranges: readonly SelectionRange[],
  windows: readonly Window[],
  tile: number,
): SelectionPlan {
  const tiles: number[][] = windows.map(() => []);
  const candidateTiles: number[] = [];
  const table: number[] = [];
  let [samples, candidates, blocks] = [0, 0, 0];
  ranges.forEach(({ offset, count, prune, ties }, index) => {
    const stride = prune === 0 ? 0 : strideFor(count);
    samples = Math.ceil(samples / 4) * 4;
    const [firstSample, firstBlock] = [samples, blocks];
    windows.forEach(({ start, end }, window) => {
      const last = Math.min(offset + count, end) - start;
      for (let first = Math.max(offset - start, 0); first < last; ) {
        const next = Math.min(Math.floor(first / 32) * 32 + tile, last);
        tiles[window].push(index, first, next, blocks, samples);
        if (stride > 0) samples += Math.floor((next - first) / stride);
        blocks += Math.ceil((next - Math.floor(first / 32) * 32) / BLOCK);
        first = next;
      }
    });
    const sampled = samples - firstSample;
    const { low, high, capacity } = bracket(prune, count, sampled);
    table.push(count, prune, Number(ties === "less-or-equal"), stride, firstSample, sampled, low, high);
    table.push(candidates, capacity, firstBlock, blocks - firstBlock);
    for (let first = 0; first < capacity; first += tile) {
      candidateTiles.push(index, candidates + first, candidates + Math.min(first + tile, capacity), 0, 0);
    }
    candidates += Math.ceil(capacity / 4) * 4;
  });
  return {
    ranges: Uint32Array.from(table),
    tiles: tiles.map((list) => Uint32Array.from(list)),
    candidateTiles: Uint32Array.from(candidateTiles),
    samples,
    candidates,
    blocks,
  };
}

/** Ranks in the sample on either side of the wanted one, and room for the scores between them. */
function bracket(prune: number, count: number, samples: number): { low: number; high: number; capacity: number } {
  if (samples === 0) return { low: OPEN, high: OPEN, capacity: prune === 0 ? 0 : count };
  const part = (prune - 0.5) / count;
  const margin = marginOf(samples, part);
  const [low, high] = [Math.floor(samples * part - margin), Math.ceil(samples * part + margin)];
  return { low: low < 0 ? OPEN : low, high: high >= samples ? OPEN : high, capacity: capacityFor(count, samples) };
}

const marginOf = (samples: number, part: number): number => MARGIN * Math.sqrt(samples * part * (1 - part)) + 8;

/** Room for twice the scores that are expected in the widest bracket, that of the median: the same whatever is pruned, so that rounds share their bind groups. */
const capacityFor = (count: number, samples: number): number =>
  Math.min(count, Math.ceil((Math.min(2 * marginOf(samples, 0.5) + 2, samples) / samples) * count * 2));

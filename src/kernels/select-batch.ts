/** A selection in many ranges: its tables, its memory, and its passes in their order. */
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { constantTable } from "./constant-table.js";
import { scoreWindows } from "./score-chunks.js";
import { type Batch, bracketScores, chooseDigits, cleared, type Tiles, writeBits } from "./select-passes.js";
import { planSelection, TILE_WORDS } from "./select-plan.js";
import type { SelectionRange, SelectTuning } from "./select-ranges.js";
import { SELECT_VARIANTS } from "./select-variant.js";
import * as shaders from "./shaders.gen.js";

/** Bytes of `struct Selection` of shaders/shared/selection.wgsl. */
const SELECTION_BYTES = 64;

const BLOCK_WORDS = constantNumber(shaders.select_mask, "BLOCK_WORDS");

/** Buffers of a selection in many ranges. */
export interface SelectBuffers {
  readonly scores: BufferLike;
  readonly keep: BufferLike;
  readonly results: BufferLike;
}

/** Records a selection in at most as many ranges as there is memory for the bins of. */
export function selectBatch(
  gpu: Gpu,
  { scores: arena, keep, results }: SelectBuffers,
  list: readonly SelectionRange[],
  stride: number,
  { variant = gpu.info.software ? "software" : "hardware", largestBinding }: SelectTuning,
): void {
  const { GROUP, TURNS } = SELECT_VARIANTS[variant].words;
  const offset = Math.min(...list.map(({ offset }) => offset));
  const end = Math.max(...list.map(({ offset, count }) => offset + count));
  const windows = scoreWindows(gpu, arena, { offset, count: end - offset }, largestBinding);
  const plan = planSelection(list, windows, GROUP * TURNS * 32);
  const tilesOf = (table: Uint32Array): Tiles | undefined =>
    table.length === 0 ? undefined : { tiles: constantTable(gpu, table), count: table.length / TILE_WORDS };
  const indices = Math.ceil(Math.max(plan.candidates, 1) / 64) * 64;
  const candidates = gpu.allocate(2 * indices * 4);
  const batch: Batch = {
    gpu,
    variant,
    length: list.length,
    ranges: constantTable(gpu, plan.ranges),
    selections: cleared(gpu, list.length * SELECTION_BYTES),
    parts: windows.flatMap(({ scores, start }, index) => {
      const tiles = tilesOf(plan.tiles[index]);
      return tiles ? [{ scores, start, ...tiles }] : [];
    }),
    candidates,
    ends: gpu.allocate(plan.blocks * BLOCK_WORDS * 8),
    candidateTiles: tilesOf(plan.candidateTiles),
    indices,
  };
  bracketScores(batch, keep, plan.samples);
  chooseDigits(batch);
  writeBits(batch, { keep, results }, { blocks: plan.blocks, stride });
}

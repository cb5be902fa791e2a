/** The passes of a selection in many ranges. */
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { constantTable } from "./constant-table.js";
import { scoreWindows } from "./score-chunks.js";
import { planSelection, TILE_WORDS } from "./select-plan.js";
import type { SelectionRange, SelectTuning } from "./select-ranges.js";
import * as shaders from "./shaders.gen.js";

/**
 * `words`: how a tile of 32-bit words of keep bits is cut; `lanes` and `many`: invocations of workgroups that sum, and that look at scores;
 * `histograms`: workgroups at most that count digits of all scores.
 */
const VARIANTS = {
  /** A workgroup runs on one core: few invocations, each with much to do. */
  software: { words: { GROUP: 8, TURNS: 128 }, lanes: { GROUP: 8 }, many: { GROUP: 8 }, ALONE: true, histograms: 16 },
  hardware: {
    words: { GROUP: 64, TURNS: 4 },
    lanes: { GROUP: 64 },
    many: { GROUP: 256 },
    ALONE: false,
    histograms: 1024,
  },
} as const;

/** How passes over scores are cut into workgroups. */
export type SelectVariant = keyof typeof VARIANTS;

/** Bytes of `struct Selection` and `struct Bracket` of shaders/shared/selection.wgsl. */
const SELECTION_BYTES = 64;
const BRACKET_BYTES = 16;

/** Digits of 11 bits that hold the 32 bits of a key. */
const DIGITS = [0, 1, 2];

const BLOCK_WORDS = constantNumber(shaders.select_mask, "BLOCK_WORDS");
const ZEROS = constantNumber(shaders.select_digit, "ZEROS");

/** Buffers of a selection in many ranges. */
export interface SelectBuffers {
  readonly scores: BufferLike;
  readonly keep: BufferLike;
  readonly results: BufferLike;
}

/** A table of tiles, and how many there are. */
interface Tiles {
  readonly tiles: GpuBuffer;
  readonly count: number;
}

/** Scores that a kernel sees at once, and their tiles. */
interface Part extends Tiles {
  readonly scores: GpuBuffer;
  /** Place of the first score in the arena. */
  readonly start: number;
}

/** What the passes share. */
interface Batch {
  readonly gpu: Gpu;
  readonly variant: SelectVariant;
  /** Number of ranges. */
  readonly length: number;
  readonly ranges: GpuBuffer;
  readonly selections: GpuBuffer;
  readonly parts: readonly Part[];
  readonly candidates: GpuBuffer;
  /** Undefined where no range has candidates. */
  readonly candidateTiles: Tiles | undefined;
  /** Bits of the scores at either end of the bracket, for each word of each tile. */
  readonly ends: GpuBuffer;
  /** Where the places of candidates begin among the candidates' words. */
  readonly indices: number;
}

function cleared(gpu: Gpu, byteLength: number): GpuBuffer {
  const buffer = gpu.allocate(byteLength);
  gpu.clear(buffer);
  return buffer;
}

/** Records a selection in at most as many ranges as there is memory for the bins of. */
export function selectBatch(
  gpu: Gpu,
  { scores: arena, keep, results }: SelectBuffers,
  list: readonly SelectionRange[],
  stride: number,
  { variant = gpu.info.software ? "software" : "hardware", largestBinding }: SelectTuning,
): void {
  const { GROUP, TURNS } = VARIANTS[variant].words;
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

/** Encloses each threshold by two keys, writes the bits of what lies outside, and collects what lies between. */
function bracketScores(batch: Batch, keep: BufferLike, samples: number): void {
  const { gpu, variant, length, ranges, selections, parts, candidates, ends, indices } = batch;
  const { words, lanes, many, ALONE } = VARIANTS[variant];
  const sample = gpu.allocate(Math.max(Math.ceil(samples / 4), 1) * 16);
  if (samples > 0) {
    for (const { scores, tiles, count } of parts) {
      const buffers = { scores, tiles, ranges, sample };
      gpu.dispatch(shaders.select_sample, { buffers, params: { tiles: count }, constants: lanes, groups: count });
    }
  }
  const choice = { buffers: { sample, ranges, selections }, params: { ranges: length }, groups: length };
  gpu.dispatch(shaders.select_ends, { ...choice, constants: many });
  const brackets = cleared(gpu, length * BRACKET_BYTES);
  for (const { scores, start, tiles, count } of parts) {
    gpu.dispatch(shaders.select_bracket, {
      buffers: { scores, tiles, ranges, selections, keep, brackets, candidates, ends },
      params: { tiles: count, start, indices },
      constants: { ...words, ALONE },
      groups: count,
    });
  }
  gpu.dispatch(shaders.select_settle, {
    buffers: { brackets, ranges, selections },
    params: { ranges: length },
    constants: lanes,
    groups: Math.ceil(length / lanes.GROUP),
  });
}

/** Radix selection: one histogram and one choice a digit, among the candidates, or among all scores of ranges without them. */
function chooseDigits({ gpu, variant, length, ranges, selections, parts, candidates, candidateTiles }: Batch): void {
  const { lanes, many, histograms } = VARIANTS[variant];
  const counts = cleared(gpu, length * (ZEROS + 1) * 4);
  for (const digit of DIGITS) {
    parts.forEach(({ scores, tiles, count }, part) => {
      const among = part === 0 ? candidateTiles : undefined;
      const candidateCount = among?.count ?? 0;
      gpu.dispatch(shaders.select_histogram, {
        buffers: { scores, tiles, candidates, candidate_tiles: among?.tiles ?? tiles, ranges, selections, counts },
        params: { tiles: candidateCount + count, candidate_tiles: candidateCount, digit },
        constants: many,
        groups: candidateCount + Math.min(count, histograms),
      });
    });
    const buffers = { counts, ranges, selections };
    const params = { ranges: length, digit };
    gpu.dispatch(shaders.select_digit, { buffers, params, constants: lanes, groups: length });
  }
}

/** Finds where ties stop being pruned, and writes the bits that are left, and the results. */
function writeBits(
  batch: Batch,
  { keep, results }: Pick<SelectBuffers, "keep" | "results">,
  { blocks, stride }: { blocks: number; stride: number },
): void {
  const { gpu, variant, length, ranges, selections, parts, candidates, candidateTiles, ends, indices } = batch;
  const { words, lanes, many } = VARIANTS[variant];
  const ties = cleared(gpu, blocks * 4);
  for (const { scores, tiles, count } of parts) {
    const buffers = { scores, tiles, ranges, selections, ends, ties };
    gpu.dispatch(shaders.select_ties, { buffers, params: { tiles: count }, constants: words, groups: count });
  }
  gpu.dispatch(shaders.select_boundary, {
    buffers: { ties, ranges, selections, results },
    params: { ranges: length, stride },
    constants: lanes,
    groups: length,
  });
  for (const { scores, start, tiles, count } of parts) {
    const buffers = { scores, tiles, selections, ends, keep };
    gpu.dispatch(shaders.select_mask, { buffers, params: { tiles: count, start }, constants: words, groups: count });
  }
  if (candidateTiles) {
    endTiedCandidates(batch, candidateTiles);
    const { tiles, count } = candidateTiles;
    gpu.dispatch(shaders.select_candidates, {
      buffers: { candidates, tiles, ranges, selections, keep },
      params: { tiles: count, indices },
      constants: many,
      groups: count,
    });
  }
}

/** Finds where ties among the candidates stop being pruned. */
function endTiedCandidates(
  { gpu, variant, length, ranges, selections, candidates, indices }: Batch,
  { tiles, count }: Tiles,
): void {
  const { lanes, many } = VARIANTS[variant];
  const [tied, places] = [cleared(gpu, length * 4), gpu.allocate(indices * 4)];
  gpu.dispatch(shaders.select_tied, {
    buffers: { candidates, tiles, ranges, selections, tied, places },
    params: { tiles: count, indices },
    constants: many,
    groups: count,
  });
  const buffers = { tied, places, ranges, selections };
  gpu.dispatch(shaders.select_last, { buffers, params: { ranges: length }, constants: lanes, groups: length });
}

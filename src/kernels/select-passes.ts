/** The passes of a selection in many ranges, one dispatch after the other. */
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { SELECT_VARIANTS, type SelectVariant } from "./select-variant.js";
import * as shaders from "./shaders.gen.js";

/** Bytes of `struct Bracket` of shaders/shared/selection.wgsl. */
const BRACKET_BYTES = 16;

/** Digits of 11 bits that hold the 32 bits of a key. */
const DIGITS = [0, 1, 2];

const ZEROS = constantNumber(shaders.select_digit, "ZEROS");

/** A table of tiles, and how many there are. */
export interface Tiles {
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
export interface Batch {
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

/** A buffer of zeros. */
export function cleared(gpu: Gpu, byteLength: number): GpuBuffer {
  const buffer = gpu.allocate(byteLength);
  gpu.clear(buffer);
  return buffer;
}

/** Encloses each threshold by two keys, writes the bits of what lies outside, and collects what lies between. */
export function bracketScores(batch: Batch, keep: BufferLike, samples: number): void {
  const { gpu, variant, length, ranges, selections, parts, candidates, ends, indices } = batch;
  const { words, lanes, many, ALONE } = SELECT_VARIANTS[variant];
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
export function chooseDigits({
  gpu,
  variant,
  length,
  ranges,
  selections,
  parts,
  candidates,
  candidateTiles,
}: Batch): void {
  const { lanes, many, histograms } = SELECT_VARIANTS[variant];
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
export function writeBits(
  batch: Batch,
  { keep, results }: { readonly keep: BufferLike; readonly results: BufferLike },
  { blocks, stride }: { blocks: number; stride: number },
): void {
  const { gpu, variant, length, ranges, selections, parts, candidates, candidateTiles, ends, indices } = batch;
  const { words, lanes, many } = SELECT_VARIANTS[variant];
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
  const { lanes, many } = SELECT_VARIANTS[variant];
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

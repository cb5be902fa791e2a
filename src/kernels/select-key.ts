/** Finds the key of the score of a given rank, exactly, without reading anything back. */
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { ScorePiece as Piece } from "./score-chunks.js";
import * as shaders from "./shaders.gen.js";

/** Bytes of `struct Selection` of shaders/shared/selection.wgsl. */
export const SELECTION_BYTES = 36;

/** Digits of a key from the highest: bits, and those below them. They add up to the 32 bits of a key. */
const DIGITS = [
  { bits: 11, shift: 21 },
  { bits: 11, shift: 10 },
  { bits: 10, shift: 0 },
] as const;

const BINS = constantNumber(shaders.select_digit, "BINS");
const ZEROS = constantNumber(shaders.select_digit, "ZEROS");

/** How passes over all scores are cut into workgroups. */
export type SelectVariant = keyof typeof VARIANTS;

const VARIANTS = {
  /** A workgroup runs on one core: few invocations, each with much to do, clear and add up the bins less often. */
  software: { GROUP: 8, STEPS: 2048 },
  hardware: { GROUP: 256, STEPS: 16 },
} as const;

function overScores(variant: SelectVariant, end: number) {
  const constants = VARIANTS[variant];
  return { constants, groups: Math.ceil(end / (constants.GROUP * constants.STEPS * 4)) };
}

/** Scores below which sampling costs more than it saves. */
const FEWEST_TO_SAMPLE = 1 << 18;

/**
 * Writes the key of the score of rank `rank` (from 0) into a new selection. Large ranges are read once: a sample gives two keys that very likely
 * enclose the wanted one, one pass counts what lies outside and collects what lies between, and the digits are chosen among these few. When the
 * wanted key turns out to lie elsewhere, the digits are chosen among all scores instead.
 */
export function selectKey(gpu: Gpu, pieces: readonly Piece[], { count, rank, variant }: Ranking): GpuBuffer {
  const selection = newSelection(gpu);
  const candidates = count >= FEWEST_TO_SAMPLE ? bracket(gpu, pieces, { count, rank, variant }, selection) : undefined;
  chooseDigits(gpu, candidates ? [candidates, ...pieces] : pieces, { rank, variant }, selection, candidates);
  return selection;
}

interface Ranking {
  /** Scores in all pieces. */
  readonly count: number;
  readonly rank: number;
  readonly variant: SelectVariant;
}

function cleared(gpu: Gpu, byteLength: number): GpuBuffer {
  const buffer = gpu.allocate(byteLength);
  gpu.clear(buffer);
  return buffer;
}

const newSelection = (gpu: Gpu): GpuBuffer => cleared(gpu, SELECTION_BYTES);

/** Radix selection: one histogram and one choice a digit. Candidates stand among the pieces. */
function chooseDigits(
  gpu: Gpu,
  pieces: readonly Piece[],
  { rank, variant }: Omit<Ranking, "count">,
  selection: GpuBuffer,
  candidates?: Piece,
): void {
  const counts = cleared(gpu, (ZEROS + 1) * 4);
  DIGITS.forEach((digit, index) => {
    const place = { ...digit, base: index * BINS };
    for (const piece of pieces) {
      const { scores, first, end } = piece;
      gpu.dispatch(shaders.select_histogram, {
        buffers: { scores, selection, counts },
        params: { first, end, ...place, candidates: piece === candidates },
        ...overScores(variant, end),
      });
    }
    gpu.dispatch(shaders.select_digit, { buffers: { counts, selection }, params: { rank, ...place }, groups: 1 });
  });
}

const MOST_SAMPLES = 1 << 16;
/** Standard errors of a sample's rank on either side of the bracket. */
const MARGIN = 6;

/** Collects the scores between two keys around the wanted one and tells the selection where that lies. Returns the collected scores. */
function bracket(gpu: Gpu, pieces: readonly Piece[], { count, rank, variant }: Ranking, selection: GpuBuffer): Piece {
  const { sample, size } = takeSample(gpu, pieces, count);
  const part = (rank + 0.5) / count;
  const margin = MARGIN * Math.sqrt(size * part * (1 - part)) + 8;
  const [from, to] = [Math.floor(size * part - margin), Math.ceil(size * part + margin)];
  const highOpen = to >= size;
  const [low, high] = [newSelection(gpu), newSelection(gpu)];
  if (from >= 0) chooseDigits(gpu, [sample], { rank: from, variant }, low);
  if (!highOpen) chooseDigits(gpu, [sample], { rank: to, variant }, high);

  const capacity = Math.min(count, Math.ceil(((to - from) / size) * count * 2));
  const candidates = gpu.allocate(Math.ceil(capacity / 4) * 16);
  const counts = cleared(gpu, 16);
  for (const { scores, first, end } of pieces) {
    gpu.dispatch(shaders.select_bracket, {
      buffers: { scores, low, high, bracket: counts, candidates },
      params: { first, end, capacity, highOpen },
      ...overScores(variant, end),
    });
  }
  gpu.dispatch(shaders.select_enter, {
    buffers: { bracket: counts, low, high, selection },
    params: { rank, capacity, highOpen },
    groups: 1,
  });
  return { scores: candidates, first: 0, end: capacity };
}

/** One score of each stretch of equal length. */
function takeSample(gpu: Gpu, pieces: readonly Piece[], count: number): { sample: Piece; size: number } {
  const stride = Math.max(64, Math.ceil(count / MOST_SAMPLES));
  const sample = gpu.allocate(Math.ceil(count / stride / 4) * 16);
  let base = 0;
  for (const { scores, first, end } of pieces) {
    const size = Math.floor((end - first) / stride);
    if (size === 0) continue;
    gpu.dispatch(shaders.select_sample, {
      buffers: { scores, sample },
      params: { first, stride, base, count: size },
      groups: Math.ceil(size / constantNumber(shaders.select_sample, "GROUP")),
    });
    base += size;
  }
  return { sample: { scores: sample, first: 0, end: base }, size: base };
}

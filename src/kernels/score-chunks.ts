/** An arena of scores as kernels can bind it: four scores a load, no part above the largest binding. */
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import * as shaders from "./shaders.gen.js";
import type { ScoreRange } from "./sort.js";

/** Part of an arena: a buffer of the scores from `start` up to `end`, which may go on after that to a whole load of four. */
export interface ScoreWindow {
  readonly scores: GpuBuffer;
  readonly start: number;
  readonly end: number;
}

/** Part of a range of scores and its keep bits, one a score. Both bindings begin at the score `start` of the arena, from which the others count. */
export interface ScoreChunk {
  readonly scores: GpuBuffer;
  readonly keep: GpuBuffer;
  readonly start: number;
  readonly first: number;
  readonly end: number;
}

/** Scores of 64 words of keep bits: windows begin at offsets of 256 bytes in both, which every device can bind. */
const BLOCK = constantNumber(shaders.select_mask, "BLOCK_WORDS") * 32;

/** Cuts what holds the range [offset, offset + count) at multiples of a block. */
export function scoreWindows(
  gpu: Gpu,
  scores: BufferLike,
  { offset, count }: ScoreRange,
  largestBinding: number = gpu.limits.maxStorageBufferBindingSize,
): ScoreWindow[] {
  const length = Math.floor(largestBinding / 4 / BLOCK) * BLOCK;
  const buffer = bufferOf(scores);
  buffer.assertAlive("scores");
  const windows: ScoreWindow[] = [];
  for (let start = offset - (offset % BLOCK); start < offset + count; start += length) {
    const end = Math.min(start + length, offset + count);
    windows.push({ scores: inFours(gpu, buffer, start, end - start), start, end });
  }
  return windows;
}

/** The same with keep bits. */
export function scoreChunks(
  gpu: Gpu,
  { scores, keep }: { scores: BufferLike; keep: BufferLike },
  range: ScoreRange,
): ScoreChunk[] {
  const bits = bufferOf(keep);
  bits.assertAlive("keep");
  return scoreWindows(gpu, scores, range).map(({ scores, start, end }) => ({
    scores,
    keep: bits.view(start / 8, Math.ceil((end - start) / 32) * 4),
    start,
    first: Math.max(range.offset - start, 0),
    end: end - start,
  }));
}

/** `count` scores from `start`, lengthened to whole loads of four; copied when the buffer ends before. */
function inFours(gpu: Gpu, scores: GpuBuffer, start: number, count: number): GpuBuffer {
  const byteLength = Math.ceil(count / 4) * 16;
  if (start * 4 + byteLength <= scores.capacity) return scores.view(start * 4, byteLength);
  const copy = gpu.allocate(byteLength);
  gpu.copy(scores.view(start * 4, count * 4), copy);
  return copy;
}

/** How passes over words are cut into workgroups: one that runs on one core has few invocations, each with much to do. */
const WORD_VARIANTS = { software: { GROUP: 8, TURNS: 128 }, hardware: { GROUP: 64, TURNS: 1 } } as const;

/** The grid of a kernel that writes a word of keep bits an invocation, for scores up to `end`. */
export function overWords(gpu: Gpu, end: number) {
  const constants = WORD_VARIANTS[gpu.info.software ? "software" : "hardware"];
  return { constants, groups: Math.ceil(end / 32 / (constants.GROUP * constants.TURNS)) };
}

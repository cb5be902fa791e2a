/** An arena of scores as kernels can bind it: four scores a load, no piece above the largest binding. */
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import * as shaders from "./shaders.gen.js";

/** Scores from `first` up to `end` of a buffer that kernels read four at a time. */
export interface ScorePiece {
  readonly scores: GpuBuffer;
  readonly first: number;
  readonly end: number;
}

/** Part of a range of scores and its keep bits, one a score. Both bindings begin at the same score. */
export interface ScoreChunk extends ScorePiece {
  /** Place of that score in the arena. */
  readonly start: number;
  readonly keep: GpuBuffer;
  /** Number of the first block among the blocks of all chunks, and how many there are. */
  readonly firstBlock: number;
  readonly blocks: number;
}

/** Scores a block: 64 words of keep bits, so that blocks begin at offsets of 256 bytes, which every device can bind. */
const BLOCK = constantNumber(shaders.select_mask, "BLOCK_WORDS") * 32;

/** Splits the range [offset, offset + count) at multiples of a block. */
export function scoreChunks(
  gpu: Gpu,
  { scores, keep }: { scores: BufferLike; keep: BufferLike },
  { offset, count, largestBinding }: { offset: number; count: number; largestBinding: number },
): ScoreChunk[] {
  const limit = Math.floor(largestBinding / 4 / BLOCK) * BLOCK;
  const keepBuffer = bufferOf(keep);
  keepBuffer.assertAlive("selectSmallest: keep");
  bufferOf(scores).assertAlive("selectSmallest: scores");
  const chunks: ScoreChunk[] = [];
  let firstBlock = 0;
  for (let start = offset - (offset % BLOCK); start < offset + count; start += limit) {
    const end = Math.min(start + limit, offset + count) - start;
    const blocks = Math.ceil(end / BLOCK);
    chunks.push({
      start,
      scores: inFours(gpu, bufferOf(scores), start, end),
      keep: gpu.borrow(keepBuffer.raw, keepBuffer.byteOffset + start / 8, Math.ceil(end / 32) * 4),
      first: Math.max(offset - start, 0),
      end,
      firstBlock,
      blocks,
    });
    firstBlock += blocks;
  }
  return chunks;
}

/** `count` scores from `start`, lengthened to whole loads of four; copied when the buffer ends before. */
function inFours(gpu: Gpu, { raw, byteOffset }: GpuBuffer, start: number, count: number): GpuBuffer {
  const from = byteOffset + start * 4;
  const byteLength = Math.ceil(count / 4) * 16;
  if (from + byteLength <= raw.size) return gpu.borrow(raw, from, byteLength);
  const copy = gpu.allocate(byteLength);
  gpu.copy(gpu.borrow(raw, from, count * 4), copy);
  return copy;
}

/** How passes over words are cut into workgroups: one that runs on one core has few invocations, each with much to do. */
const WORD_VARIANTS = { software: { GROUP: 8, TURNS: 128 }, hardware: { GROUP: 64, TURNS: 1 } } as const;

/** The grid of a kernel that writes a word of keep bits an invocation, for scores up to `end`. */
export function overWords(variant: keyof typeof WORD_VARIANTS, end: number) {
  const constants = WORD_VARIANTS[variant];
  return { constants, groups: Math.ceil(end / 32 / (constants.GROUP * constants.TURNS)) };
}

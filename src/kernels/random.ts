/**
 * Random numbers from a counter: Philox 4x32-10 (Salmon et al., SC 2011). Element i of a call takes word i & 3 of the block with counter
 * (i >> 2, stream, step, 0) and key (seed, 0), so the numbers depend on nothing but (seed, step, stream, i). `state` is a u32 buffer
 * [seed, step] that lives on the GPU: a recorded step that is replayed draws fresh numbers once its `step` was advanced. A buffer that is too short for
 * the call is a ShapeError.
 */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Words of `state`. */
const STATE = 2;

function random(
  gpu: Gpu,
  op: string,
  buffers: { y: BufferLike; state: BufferLike },
  { length, stream }: { length: number; stream: number },
  constants: { NORMAL?: true; SIGN?: true },
): void {
  requireSizes(op, { length });
  requireElements(op, buffers, { y: length, state: STATE });
  dispatchElementwise(gpu, shaders.random, { buffers, params: { stream }, constants }, length);
}

/** y[i] = uniform in [0, 1), a multiple of 2^-24: the same bits on every device. `stream` (u32) tells call sites apart. */
export function randomUniform(
  gpu: Gpu,
  buffers: { y: BufferLike; state: BufferLike },
  size: { length: number; stream: number },
): void {
  random(gpu, "randomUniform", buffers, size, {});
}

/** y[i] = standard normal, by Box and Muller from one block for every four elements. Devices may differ in the last bits. */
export function randomNormal(
  gpu: Gpu,
  buffers: { y: BufferLike; state: BufferLike },
  size: { length: number; stream: number },
): void {
  random(gpu, "randomNormal", buffers, size, { NORMAL: true });
}

/** y[i] = 1 or -1 with equal probability (Rademacher): the same bits on every device. */
export function randomSigns(
  gpu: Gpu,
  buffers: { y: BufferLike; state: BufferLike },
  size: { length: number; stream: number },
): void {
  random(gpu, "randomSigns", buffers, size, { SIGN: true });
}

/**
 * y[i] = x[i] / keep with probability `keep`, else 0. Elements i with the same i / inner share a draw: inner = 1 is dropout, inner = elements of
 * one example is drop path. The same call on dy gives dx. @throws UsageError when `keep` is not in (0, 1], ShapeError when a
 * buffer is too short.
 */
export function dropout(
  gpu: Gpu,
  buffers: { x: BufferLike; y: BufferLike; state: BufferLike },
  { length, inner, keep, stream }: { length: number; inner: number; keep: number; stream: number },
): void {
  if (!(keep > 0 && keep <= 1)) throw new UsageError(`dropout: expected keep in (0, 1], got ${keep}`);
  requireSizes("dropout", { length, inner });
  requireElements("dropout", buffers, { x: length, y: length, state: STATE });
  const params = { inner, stream, keep, scale: 1 / keep };
  dispatchElementwise(gpu, shaders.dropout, { buffers, params, inFours: inner === 1 || inner % 4 === 0 }, length);
}

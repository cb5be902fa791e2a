/** Damping of second-moment matrices, which calibration data alone may leave singular. */
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { reduce } from "./reduce.js";
import * as shaders from "./shaders.gen.js";

/** A symmetric matrix to be damped: A + damping * mean(diagonal of A) * I. */
export interface DampedSize {
  /** Rows and columns. */
  readonly n: number;
  /** Added to the diagonal, as a part of its mean. Calibration in the literature takes 0.01; default 0. */
  readonly damping?: number;
}

/** y[i] = a[i][i]; a: [n, n], y: [n], f32. Buffers are not checked. */
export function diagonal(gpu: Gpu, buffers: { a: BufferLike; y: BufferLike }, { n }: { n: number }): void {
  dispatchElementwise(gpu, shaders.diagonal, { buffers, params: { n }, inFours: false }, n);
}

/** diagonal = that of a; the result is its mean, one f32 of the open scope. */
export function diagonalMean(
  gpu: Gpu,
  { a, diagonal: y }: { a: BufferLike; diagonal: BufferLike },
  { n }: { n: number },
): GpuBuffer {
  const mean = gpu.allocate(4);
  diagonal(gpu, { a, y }, { n });
  reduce(gpu, "mean", { x: y, y: mean }, { outer: 1, length: 1, inner: n });
  return mean;
}

/** y = a + damping * mean * I; with `lower` zero above the diagonal. Buffers are not checked. */
export function damp(
  gpu: Gpu,
  buffers: { a: BufferLike; mean: BufferLike; y: BufferLike },
  { n, damping = 0 }: DampedSize,
  { lower = false }: { lower?: boolean } = {},
): void {
  const call = { buffers, params: { n, damping }, constants: { LOWER: lower }, inFours: loadWidth(n) === 4 };
  dispatchElementwise(gpu, shaders.damp, call, n * n);
}

import type { Gpu, ShaderSource } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { requireSizes } from "./require.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";

/** Extents of logits, and the label smoothing. */
export interface CrossEntropySize {
  readonly rows: number;
  readonly classes: number;
  /** Label smoothing s: the target is (1 - s) * one-hot + s / classes. */
  readonly smoothing: number;
}

/**
 * loss[r] = (1 - s) * (-log p[labels[r]]) + s * mean over classes of (-log p), p = softmax(logits[r]). logits: rows x classes, f32; labels: rows, u32;
 * loss: rows, f32. A label outside of the classes gives NaN.
 * @throws ShapeError when a buffer is too short.
 */
export function crossEntropy(
  gpu: Gpu,
  buffers: { logits: BufferLike; labels: BufferLike; loss: BufferLike },
  size: CrossEntropySize,
): void {
  const { rows, classes } = size;
  requireSizes("crossEntropy", { rows, classes });
  requireElements("crossEntropy", buffers, { logits: rows * classes, labels: rows, loss: rows });
  gpu.dispatch(shaders.cross_entropy, { buffers, ...rowsOf(gpu, shaders.cross_entropy, size) });
}

/**
 * Gradient of `crossEntropy` by the logits: dLogits[r] = dLoss[r] * (p - target). dLoss: rows; dLogits: rows x classes.
 * @throws ShapeError when a buffer is too short.
 */
export function crossEntropyGrad(
  gpu: Gpu,
  {
    logits,
    labels,
    dLoss,
    dLogits,
  }: { logits: BufferLike; labels: BufferLike; dLoss: BufferLike; dLogits: BufferLike },
  size: CrossEntropySize,
): void {
  const { rows, classes } = size;
  const lengths = { logits: rows * classes, labels: rows, dLoss: rows, dLogits: rows * classes };
  requireSizes("crossEntropyGrad", { rows, classes });
  requireElements("crossEntropyGrad", { logits, labels, dLoss, dLogits }, lengths);
  gpu.dispatch(shaders.cross_entropy_grad, {
    buffers: { logits, labels, d_loss: dLoss, d_logits: dLogits },
    ...rowsOf(gpu, shaders.cross_entropy_grad, size),
  });
}

function rowsOf(gpu: Gpu, shader: ShaderSource, { rows, classes, smoothing }: CrossEntropySize) {
  const width = loadWidth(classes);
  const { constants, groups } = rowLanes(gpu, rows);
  const params = { rows, columns: classes / width, smoothing };
  return { params, constants: { ...constants, ...valueConstants(shader, width) }, groups };
}

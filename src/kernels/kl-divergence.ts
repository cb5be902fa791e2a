import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { requireSizes } from "./require.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";

/** Extents of both sets of logits, and the temperature T > 0 that they are divided by. */
export interface KlDivergenceSize {
  readonly rows: number;
  readonly classes: number;
  readonly temperature: number;
}

/**
 * loss[r] = T^2 KL(p || q), p = softmax(teacher[r] / T), q = softmax(logits[r] / T), in nats: what a student of these logits is from its teacher
 * (Hinton, Vinyals and Dean 2015; T^2 keeps the gradient's size as T grows). logits, teacher: rows x classes; loss: rows; f32.
 * @throws ShapeError when a buffer is too short.
 */
export function klDivergence(
  gpu: Gpu,
  buffers: { logits: BufferLike; teacher: BufferLike; loss: BufferLike },
  size: KlDivergenceSize,
): void {
  const { rows, classes } = size;
  const length = rows * classes;
  requireSizes("klDivergence", { rows, classes });
  requireElements("klDivergence", buffers, { logits: length, teacher: length, loss: rows });
  gpu.dispatch(shaders.kl_divergence, { buffers, params: { ...size }, ...rowLanes(gpu, rows) });
}

/**
 * Gradient of `klDivergence` by the logits: dLogits[r] = dLoss[r] * T * (q - p). dLoss: rows; dLogits: rows x classes.
 * @throws ShapeError when a buffer is too short.
 */
export function klDivergenceGrad(
  gpu: Gpu,
  {
    logits,
    teacher,
    dLoss,
    dLogits,
  }: { logits: BufferLike; teacher: BufferLike; dLoss: BufferLike; dLogits: BufferLike },
  size: KlDivergenceSize,
): void {
  const { rows, classes } = size;
  const length = rows * classes;
  const lengths = { logits: length, teacher: length, dLoss: rows, dLogits: length };
  requireSizes("klDivergenceGrad", { rows, classes });
  requireElements("klDivergenceGrad", { logits, teacher, dLoss, dLogits }, lengths);
  gpu.dispatch(shaders.kl_divergence_grad, {
    buffers: { logits, teacher, d_loss: dLoss, d_logits: dLogits },
    params: { ...size },
    ...rowLanes(gpu, rows),
  });
}

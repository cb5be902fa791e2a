import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { mapUnits } from "./map-units.js";
import { reduce } from "./reduce.js";
import { reduceUnits } from "./reduce-units.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import { expressionTerm } from "./term.js";
import { unitVariant } from "./units.js";

/** x: batch x channels x inner, such as N x C x (H W), or N x C with inner 1. */
export interface BatchNormSize {
  readonly batch: number;
  readonly channels: number;
  readonly inner: number;
}

/** Operands of `batchNorm`; all but x and y have one value a channel. */
export interface BatchNormBuffers {
  readonly x: BufferLike;
  readonly weight: BufferLike;
  readonly bias: BufferLike;
  /** Read, and in training changed in place. */
  readonly runningMean: BufferLike;
  /** Read, and in training changed in place. */
  readonly runningVariance: BufferLike;
  readonly y: BufferLike;
  /** Written in training: the mean of each channel in this batch, for the gradient. In evaluation it is not touched. */
  readonly mean?: BufferLike;
  /** Written: 1 / sqrt(variance + epsilon) of each channel, for the gradient. */
  readonly rstd: BufferLike;
}

/** What `batchNorm` normalises by. */
export interface BatchNormOptions {
  /** Added to the variance. */
  readonly epsilon: number;
  /** Normalises by the batch's own mean and (biased) variance, and moves the running ones; by the running ones otherwise. */
  readonly training: boolean;
  /** In training, the share of the batch in the new running statistics: running += momentum * (batch - running), the variance unbiased. 0.1 by default. */
  readonly momentum?: number;
}

const GROUP = constantNumber(shaders.batch_norm_statistics, "GROUP");

/**
 * y = (x - mean) * rstd * weight + bias, by channel (Ioffe and Szegedy 2015); f32. The variance is that of x - mean, summed in a fixed order.
 * @throws ShapeError when a buffer is too short, or in training when a channel has a single value or `mean` is missing.
 */
export function batchNorm(
  gpu: Gpu,
  buffers: BatchNormBuffers,
  { batch, channels, inner }: BatchNormSize,
  { epsilon, training, momentum = 0.1 }: BatchNormOptions,
): void {
  requireSizes("batchNorm", { batch, channels, inner });
  const { x, weight, bias, runningMean, runningVariance, y, rstd } = buffers;
  const length = batch * channels * inner;
  const count = batch * inner;
  const mean = training ? buffers.mean : runningMean;
  if (!mean) throw new ShapeError("batchNorm: expected a buffer for the batch's mean in training, got none");
  if (training && count < 2) {
    throw new ShapeError("batchNorm: expected two or more values a channel in training, got 1; take a larger batch");
  }
  requireElements(
    "batchNorm",
    { x, weight, bias, runningMean, runningVariance, y, mean, rstd },
    {
      ...{ x: length, weight: channels, bias: channels, runningMean: channels, runningVariance: channels },
      ...{ y: length, mean: channels, rstd: channels },
    },
  );
  using _temporaries = gpu.scope();
  let variance = runningVariance;
  if (training) {
    variance = gpu.allocate(4 * channels);
    reduce(gpu, "mean", { x, y: mean }, { outer: batch, length: channels, inner });
    const operands = { x: { buffer: x }, m: { buffer: mean, inner, period: channels } };
    const squares = expressionTerm(gpu, "batchNorm", "(x - m) * (x - m)", operands, { length });
    reduceUnits(gpu, squares, { outer: batch, period: channels, inner }, { y: variance, scale: 1 / count });
  }
  // In evaluation nothing moves, and the running statistics must not be bound for writing.
  const [movedMean, movedVariance] = training ? [runningMean, runningVariance] : [gpu.allocate(4), gpu.allocate(4)];
  gpu.dispatch(shaders.batch_norm_statistics, {
    buffers: { mean, variance, rstd, running_mean: movedMean, running_variance: movedVariance },
    params: { channels, epsilon, momentum, unbiased: count / Math.max(1, count - 1) },
    constants: { TRAINING: training },
    groups: Math.ceil(channels / GROUP),
  });
  const call = { buffers: { x, mean, rstd, weight, bias, y }, params: { inner, period: channels } };
  dispatchElementwise(gpu, shaders.batch_norm, { ...call, ...unitVariant({ inner, period: channels }) }, length);
}

/** Operands of `batchNormGrad`; all but x, dy and dx have one value a channel. */
export interface BatchNormGradBuffers {
  readonly x: BufferLike;
  readonly weight: BufferLike;
  /** The batch's in training, the running one in evaluation. */
  readonly mean: BufferLike;
  /** From `batchNorm`. */
  readonly rstd: BufferLike;
  readonly dy: BufferLike;
  readonly dx: BufferLike;
  readonly dWeight: BufferLike;
  readonly dBias: BufferLike;
}

/**
 * Gradients of `batchNorm` by x, weight and bias. In training mean and variance follow x; in evaluation they are constants. Sums run in a fixed order.
 * @throws ShapeError when a buffer is too short.
 */
export function batchNormGrad(
  gpu: Gpu,
  { x, weight, mean, rstd, dy, dx, dWeight, dBias }: BatchNormGradBuffers,
  { batch, channels, inner }: BatchNormSize,
  { training }: { readonly training: boolean },
): void {
  const length = batch * channels * inner;
  const each = { weight: channels, mean: channels, rstd: channels, dWeight: channels, dBias: channels };
  const given = { x, weight, mean, rstd, dy, dx, dWeight, dBias };
  requireSizes("batchNormGrad", { batch, channels, inner });
  requireElements("batchNormGrad", given, { x: length, dy: length, dx: length, ...each });
  reduce(gpu, "sum", { x: dy, y: dBias }, { outer: batch, length: channels, inner });
  const byChannel = (buffer: BufferLike) => ({ buffer, inner, period: channels });
  mapUnits(
    gpu,
    "dy * (x - m) * r",
    { dy: { buffer: dy }, x: { buffer: x }, m: byChannel(mean), r: byChannel(rstd) },
    { y: dWeight, length, inner, period: channels },
  );
  const call = {
    buffers: { x, mean, rstd, weight, d_weight: dWeight, d_bias: dBias, dy, dx },
    params: { inner, period: channels, share: 1 / (batch * inner) },
  };
  const { constants, inFours } = unitVariant({ inner, period: channels });
  const variant = { constants: { ...constants, TRAINING: training }, inFours };
  dispatchElementwise(gpu, shaders.batch_norm_grad, { ...call, ...variant }, length);
}

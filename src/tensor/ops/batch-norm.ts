import { ShapeError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { type BatchNormOptions, batchNormGrad, batchNorm as batchNormKernel } from "../../kernels/batch-norm.js";
import { fill } from "../../kernels/fill.js";
import { map } from "../../kernels/map.js";
import { mapUnits } from "../../kernels/map-units.js";
import { defineOp } from "../op.js";
import { sizeOf, Tensor } from "../tensor.js";

/** What batch norm normalises by. */
export interface BatchNormAttributes extends BatchNormOptions {
  /** [C]; in training changed in place. */
  readonly runningMean: Tensor;
  /** [C]; in training changed in place. */
  readonly runningVariance: Tensor;
}

function sizeOfBatchNorm({ shape }: Tensor) {
  const [batch, channels, ...pixels] = shape;
  if (shape.length < 2) throw new ShapeError(`batchNorm: expected x [N, C] or [N, C, H, W], got [${shape}]`);
  return { batch, channels, inner: sizeOf(pixels) };
}

/** Operands of `batchNormGrad` as the expressions below see them: x as itself, the others by channel. */
type Channel = Readonly<Record<string, Tensor>>;

const inputsOf = (elements: Readonly<Record<string, Tensor>>, channels: Channel, inner: number) => ({
  ...Object.fromEntries(Object.entries(elements).map(([name, buffer]) => [name, { buffer }])),
  ...Object.fromEntries(
    Object.entries(channels).map(([name, buffer]) => [name, { buffer, inner, period: buffer.size }]),
  ),
});

/**
 * Batch norm by channel: (x - mean) / sqrt(variance + epsilon) * weight + bias. x: [N, C] or [N, C, H, W]; the rest: [C]. Mean and variance are the
 * batch's in training, and the running ones, constants to gradients, otherwise. @throws ShapeError
 */
export const batchNorm = defineOp({
  name: "batchNorm",
  forward(gpu, { x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor }, attributes: BatchNormAttributes) {
    const size = sizeOfBatchNorm(x);
    const { runningMean, runningVariance, ...options } = attributes;
    if (weight.size !== size.channels || bias.size !== size.channels) {
      throw new ShapeError(
        `batchNorm: expected weight and bias of ${size.channels}, got [${weight.shape}] and [${bias.shape}]`,
      );
    }
    const out = Tensor.empty(gpu, x.shape);
    const mean = options.training ? Tensor.empty(gpu, [size.channels]) : runningMean;
    const rstd = Tensor.empty(gpu, [size.channels]);
    batchNormKernel(gpu, { x, weight, bias, runningMean, runningVariance, y: out, mean, rstd }, size, options);
    return { out, saved: { mean, rstd } };
  },
  backward({ gpu, inputs: { x, weight }, attributes, saved, gradient }) {
    const { dX, dWeight, dBias } = gradients(gpu, x, weight, saved, gradient, attributes);
    return { x: dX, weight: dWeight, bias: dBias };
  },
  tangent: {
    forward({ gpu, inputs: { x, weight, bias }, attributes, saved, tangents }) {
      using scope = gpu.scope();
      const { inner } = sizeOfBatchNorm(x);
      const xTangent = tangents.x ?? Tensor.zeros(gpu, x.shape);
      const w = tangents.weight ?? Tensor.zeros(gpu, weight.shape);
      const b = tangents.bias ?? Tensor.zeros(gpu, bias.shape);
      // By x the derivative is symmetric, so that the gradient's kernel gives the tangent.
      const { dX: out } = gradients(gpu, x, weight, saved, xTangent, attributes);
      const inputs = inputsOf({ x }, { m: saved.mean, r: saved.rstd, w, b }, inner);
      map(gpu, "(x - m) * r * w + b", inputs, { y: out, length: x.size, accumulate: true });
      return { out: scope.promote(out), saved: undefined };
    },
    backward({ gpu, inputs: { x, weight }, attributes, saved, tangents, gradient }) {
      if (!tangents.x && !tangents.weight) return {};
      using scope = gpu.scope();
      const { inner, channels } = sizeOfBatchNorm(x);
      const weightTangent = tangents.weight ?? Tensor.zeros(gpu, weight.shape);
      const { dX } = gradients(gpu, x, weightTangent, saved, gradient, attributes);
      if (!tangents.x) return { x: scope.promote(dX) };
      const ones = Tensor.empty(gpu, weight.shape);
      fill(gpu, { y: ones }, { length: channels, value: 1 });
      // How x normalised moves, and with it the weight's gradient.
      const { dX: n, dWeight: t } = gradients(gpu, x, ones, saved, tangents.x, attributes);
      const dWeight = Tensor.empty(gpu, weight.shape);
      const operands = inputsOf({ n, dy: gradient }, {}, inner);
      mapUnits(gpu, "n * dy", operands, { y: dWeight, length: x.size, inner, period: channels });
      if (attributes.training) {
        const target = { y: dX, length: x.size, accumulate: true };
        const share = channels / x.size;
        const { mean: m, rstd: r } = saved;
        const { dX: d, dWeight: b } = gradients(gpu, x, weight, saved, gradient, attributes);
        map(gpu, `-${share} * r * (t * d + w * n * b)`, inputsOf({ d, n }, { r, t, w: weight, b }, inner), target);
        const rest = inputsOf({ x }, { m, r, w: weight, s: dWeight }, inner);
        map(gpu, `-${share} * r * r * w * (x - m) * s`, rest, target);
      }
      return { x: scope.promote(dX), weight: scope.promote(dWeight) };
    },
  },
});

function gradients(
  gpu: Gpu,
  x: Tensor,
  weight: Tensor,
  saved: { readonly mean: Tensor; readonly rstd: Tensor },
  dy: Tensor,
  { training }: BatchNormAttributes,
) {
  const dX = Tensor.empty(gpu, x.shape);
  const dWeight = Tensor.empty(gpu, weight.shape);
  const dBias = Tensor.empty(gpu, weight.shape);
  batchNormGrad(gpu, { x, weight, ...saved, dy, dx: dX, dWeight, dBias }, sizeOfBatchNorm(x), { training });
  return { dX, dWeight, dBias };
}

import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { maskByteLength } from "./mask.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Words of the `schedule` buffer that optimizers read, so that a recorded step follows its schedule when replayed. */
export const SCHEDULE = {
  learningRate: 0,
  firstCorrection: 1,
  secondCorrection: 2,
  gradientScale: 3,
  length: 4,
} as const;

/**
 * The content of a `schedule` buffer for step t = 1, 2, ...: [learningRate, 1 / (1 - beta1^t), 1 / (1 - beta2^t), 1].
 * The last word scales the gradient; `gradientNorm` overwrites it on the GPU.
 */
export function optimizerSchedule(learningRate: number, step: number, beta1 = 0, beta2 = 0): Float32Array {
  return Float32Array.of(learningRate, 1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step), 1);
}

/** Checks the operands of a step: `values` have `length` elements. */
function requireStep(
  op: string,
  values: Readonly<Record<string, BufferLike>>,
  { schedule, mask }: { schedule: BufferLike; mask?: BufferLike },
  length: number,
): void {
  requireSizes(op, { length });
  for (const [name, buffer] of Object.entries(values)) requireElements(op, { [name]: buffer }, { [name]: length });
  requireElements(op, { schedule }, { schedule: SCHEDULE.length });
  if (mask) requireElements(op, { mask }, { mask: maskByteLength(length) / 4 });
}

/**
 * One step of AdamW on `length` f32 elements; `weight`, `firstMoment` and `secondMoment` change in place.
 *
 * Decay is decoupled and comes first, and epsilon stands outside of the root, as in torch.optim.AdamW (Loshchilov and Hutter 2019, algorithm 2).
 * With a `mask` (one bit an element), weights whose bit is 0 stay exactly as they are, and so do their moments: neither gradient nor decay
 * moves them, and a weight that returns later goes on where it stopped.
 * @throws ShapeError when a buffer is too short.
 */
export function adamw(
  gpu: Gpu,
  buffers: {
    weight: BufferLike;
    gradient: BufferLike;
    firstMoment: BufferLike;
    secondMoment: BufferLike;
    schedule: BufferLike;
    mask?: BufferLike;
  },
  {
    length,
    beta1,
    beta2,
    epsilon,
    decay,
  }: {
    length: number;
    beta1: number;
    beta2: number;
    epsilon: number;
    decay: number;
  },
): void {
  const { mask, schedule, ...values } = buffers;
  requireStep("adamw", values, { schedule, mask }, length);
  dispatchElementwise(
    gpu,
    shaders.adamw,
    {
      buffers: { ...values, schedule, mask: mask ?? schedule },
      params: { beta1, beta2, rest1: 1 - beta1, rest2: 1 - beta2, epsilon, decay },
      constants: { MASKED: mask !== undefined },
    },
    length,
  );
}

/**
 * One step of stochastic gradient descent with momentum on `length` f32 elements; `weight` and `velocity` change in place. As torch.optim.SGD
 * without dampening: velocity starts at zero, decay is added to the gradient. `mask` acts as in {@link adamw}.
 * @throws ShapeError when a buffer is too short.
 */
export function sgd(
  gpu: Gpu,
  buffers: { weight: BufferLike; gradient: BufferLike; velocity: BufferLike; schedule: BufferLike; mask?: BufferLike },
  {
    length,
    momentum,
    decay,
    nesterov = false,
  }: {
    length: number;
    momentum: number;
    decay: number;
    nesterov?: boolean;
  },
): void {
  const { mask, schedule, ...values } = buffers;
  requireStep("sgd", values, { schedule, mask }, length);
  dispatchElementwise(
    gpu,
    shaders.sgd,
    {
      buffers: { ...values, schedule, mask: mask ?? schedule },
      params: { momentum, decay },
      constants: { MASKED: mask !== undefined, NESTEROV: nesterov },
    },
    length,
  );
}

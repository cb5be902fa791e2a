import { adamw, optimizerSchedule, sgd } from "../../src/kernels/optimizer.js";
import { elementwise } from "../harness/close.js";
import type { Arrays, KernelCase } from "../harness/kernel-case.js";
import { bit, maskWords, normals, uniforms } from "../harness/random.js";

const lengths: [length: number, benchOnly?: boolean][] = [
  [1],
  [2],
  [4],
  [31],
  [1021],
  [1023],
  [1024],
  [1025],
  [5_700_000, true],
];

const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.05 };

function scheduleOf(step: number, gradientScale: number): Float32Array {
  const schedule = optimizerSchedule(1e-2, step, adam.beta1, adam.beta2);
  schedule[3] = gradientScale;
  return schedule;
}

/** One step of torch.optim.AdamW (single tensor, capturable or not: the same values) in float64. */
function adamwOracle({ weight, gradient, firstMoment, secondMoment, mask }: Arrays, step: number, scale: number) {
  const w = Float64Array.from(weight);
  const m = Float64Array.from(firstMoment);
  const v = Float64Array.from(secondMoment);
  for (let i = 0; i < w.length; i++) {
    if (mask && !bit(mask as Uint32Array, i)) continue;
    const g = gradient[i] * scale;
    w[i] *= 1 - 1e-2 * adam.decay;
    m[i] = adam.beta1 * m[i] + (1 - adam.beta1) * g;
    v[i] = adam.beta2 * v[i] + (1 - adam.beta2) * g * g;
    const denominator = Math.sqrt(v[i]) / Math.sqrt(1 - adam.beta2 ** step) + adam.epsilon;
    w[i] -= ((1e-2 / (1 - adam.beta1 ** step)) * m[i]) / denominator;
  }
  return { weight: w, firstMoment: m, secondMoment: v };
}

function adamwCase(length: number, masked: boolean, benchOnly?: boolean): KernelCase {
  const step = 1 + (length % 7);
  const scale = 0.75;
  return {
    name: `adamw${masked ? " masked" : ""} ${length}`,
    inputs: () => ({
      weight: normals(length, length),
      gradient: normals(length, length + 1, 1e-2),
      firstMoment: normals(length, length + 2, 1e-2),
      secondMoment: uniforms(length, length + 3, 0, 1e-4),
      schedule: scheduleOf(step, scale),
      ...(masked && { mask: maskWords(length, length + 4) }),
    }),
    outputs: { weight: { length }, firstMoment: { length }, secondMoment: { length } },
    run: (gpu, buffers) => adamw(gpu, buffers as Parameters<typeof adamw>[1], { length, ...adam }),
    oracle: (inputs) => adamwOracle(inputs, step, scale),
    tolerance: elementwise,
    flops: 16 * length,
    bytes: 28 * length,
    benchOnly,
  };
}

function sgdOracle(
  { weight, gradient, velocity, mask }: Arrays,
  options: { momentum: number; decay: number; nesterov: boolean },
  scale: number,
) {
  const w = Float64Array.from(weight);
  const v = Float64Array.from(velocity);
  for (let i = 0; i < w.length; i++) {
    if (mask && !bit(mask as Uint32Array, i)) continue;
    const g = gradient[i] * scale + options.decay * w[i];
    v[i] = options.momentum * v[i] + g;
    w[i] -= 1e-2 * (options.nesterov ? g + options.momentum * v[i] : v[i]);
  }
  return { weight: w, velocity: v };
}

function sgdCase(length: number, nesterov: boolean, masked: boolean): KernelCase {
  const options = { momentum: 0.9, decay: 1e-3, nesterov };
  const scale = 0.5;
  return {
    name: `sgd${nesterov ? " nesterov" : ""}${masked ? " masked" : ""} ${length}`,
    inputs: () => ({
      weight: normals(length, length),
      gradient: normals(length, length + 1),
      velocity: normals(length, length + 2),
      schedule: scheduleOf(1, scale),
      ...(masked && { mask: maskWords(length, length + 4) }),
    }),
    outputs: { weight: { length }, velocity: { length } },
    run: (gpu, buffers) => sgd(gpu, buffers as Parameters<typeof sgd>[1], { length, ...options }),
    oracle: (inputs) => sgdOracle(inputs, options, scale),
    tolerance: elementwise,
    flops: 7 * length,
    bytes: 20 * length,
  };
}

export const cases: KernelCase[] = [
  ...lengths.flatMap(([length, benchOnly]) => [false, true].map((masked) => adamwCase(length, masked, benchOnly))),
  ...[1, 7, 1021].flatMap((length) => [
    sgdCase(length, false, false),
    sgdCase(length, true, false),
    sgdCase(length, false, true),
  ]),
];

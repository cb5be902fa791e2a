import { type BatchNormSize, batchNorm, batchNormGrad } from "../../src/kernels/batch-norm.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals, uniforms } from "../harness/random.js";

type Numbers = ArrayLike<number>;

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** Visits every element with its channel. */
function elements({ batch, channels, inner }: BatchNormSize, visit: (i: number, channel: number) => void) {
  for (let i = 0; i < batch * channels * inner; i++) visit(i, Math.floor(i / inner) % channels);
}

function statistics(x: Numbers, size: BatchNormSize) {
  const count = size.batch * size.inner;
  const mean = new Float64Array(size.channels);
  const variance = new Float64Array(size.channels);
  elements(size, (i, c) => {
    mean[c] += x[i] / count;
  });
  elements(size, (i, c) => {
    variance[c] += (x[i] - mean[c]) ** 2 / count;
  });
  return { mean, variance };
}

const rstdOf = (variance: Numbers) => Float64Array.from(variance, (v) => 1 / Math.sqrt(v + EPSILON));

function normalize(x: Numbers, weight: Numbers, bias: Numbers, mean: Numbers, variance: Numbers, size: BatchNormSize) {
  const y = new Float64Array(x.length);
  const rstd = rstdOf(variance);
  elements(size, (i, c) => {
    y[i] = (x[i] - mean[c]) * rstd[c] * weight[c] + bias[c];
  });
  return { y, rstd };
}

function train(x: Numbers, weight: Numbers, bias: Numbers, size: BatchNormSize) {
  const { mean, variance } = statistics(x, size);
  return { mean, variance, ...normalize(x, weight, bias, mean, variance, size) };
}

interface Saved {
  readonly x: Numbers;
  readonly weight: Numbers;
  readonly mean: Numbers;
  readonly rstd: Numbers;
  readonly dy: Numbers;
}

function backward({ x, weight, mean, rstd, dy }: Saved, size: BatchNormSize, training: boolean) {
  const count = size.batch * size.inner;
  const dx = new Float64Array(x.length);
  const dWeight = new Float64Array(size.channels);
  const dBias = new Float64Array(size.channels);
  const normalized = (i: number, c: number) => (x[i] - mean[c]) * rstd[c];
  elements(size, (i, c) => {
    dBias[c] += dy[i];
    dWeight[c] += dy[i] * normalized(i, c);
  });
  elements(size, (i, c) => {
    const shared = training ? (dBias[c] + normalized(i, c) * dWeight[c]) / count : 0;
    dx[i] = rstd[c] * weight[c] * (dy[i] - shared);
  });
  return { dx, dWeight, dBias };
}

const sizes: (BatchNormSize & { benchOnly?: boolean })[] = [
  { batch: 2, channels: 1, inner: 1 },
  { batch: 7, channels: 3, inner: 1 },
  { batch: 65, channels: 8, inner: 1 },
  { batch: 3, channels: 5, inner: 7 },
  { batch: 2, channels: 3, inner: 64 },
  { batch: 9, channels: 4, inner: 31 * 29 },
  { batch: 2, channels: 65_537, inner: 2 },
  { batch: 16, channels: 16, inner: 32 * 32, benchOnly: true },
  { batch: 4, channels: 64, inner: 56 * 56, benchOnly: true },
];

export const cases: KernelCase[] = sizes.flatMap(({ benchOnly, ...size }): KernelCase[] => {
  const { batch, channels, inner } = size;
  const length = batch * channels * inner;
  const count = batch * inner;
  const shape = `${batch}x${channels}x${inner}`;
  const x = () => normals(length, length, 3).map((value) => value + 5);
  const parameters = () => ({ weight: normals(channels, 1), bias: normals(channels, 2) });
  const running = () => ({ runningMean: normals(channels, 3), runningVariance: uniforms(channels, 4, 0.5, 2) });
  // Where a channel has few values, they may lie so close together that their difference is all that is left of their digits.
  const tolerance = sumOf(count, count < 10 ? 100 : 4);
  return [
    {
      name: `batchNorm ${shape}, evaluation`,
      inputs: () => ({ x: x(), ...parameters(), ...running() }),
      outputs: { y: { length }, rstd: { length: channels } },
      run: (gpu, buffers) => batchNorm(gpu, buffers as never, size, { epsilon: EPSILON, training: false }),
      oracle: ({ x, weight, bias, runningMean, runningVariance }) =>
        normalize(x, weight, bias, runningMean, runningVariance, size),
      tolerance: sumOf(1, 4),
      flops: 3 * length,
      bytes: 8 * length,
      benchOnly,
    },
    {
      name: `batchNorm ${shape}, training`,
      inputs: () => ({ x: x(), ...parameters(), ...running() }),
      outputs: {
        ...{ y: { length }, mean: { length: channels }, rstd: { length: channels } },
        ...{ runningMean: { length: channels }, runningVariance: { length: channels } },
      },
      run: (gpu, buffers) =>
        batchNorm(gpu, buffers as never, size, { epsilon: EPSILON, training: true, momentum: MOMENTUM }),
      oracle: ({ x, weight, bias, runningMean, runningVariance }) => {
        const { y, mean, variance, rstd } = train(x, weight, bias, size);
        const moved = (old: Numbers, batchValue: (c: number) => number) =>
          Float64Array.from(old, (value, c) => value + MOMENTUM * (batchValue(c) - value));
        return {
          ...{ y, mean, rstd, runningMean: moved(runningMean, (c) => mean[c]) },
          runningVariance: moved(runningVariance, (c) => (variance[c] * count) / (count - 1)),
        };
      },
      tolerance,
      flops: 7 * length,
      bytes: 8 * length,
      benchOnly,
    },
    ...[false, true].map(
      (training): KernelCase => ({
        name: `batchNormGrad ${shape}, ${training ? "training" : "evaluation"}`,
        inputs: () => {
          const weight = normals(channels, 1);
          const values = normals(length, length, 3);
          const { mean, rstd } = train(values, weight, weight, size);
          return {
            ...{ x: values, weight, dy: normals(length, 5) },
            ...{ mean: Float32Array.from(mean), rstd: Float32Array.from(rstd) },
          };
        },
        outputs: { dx: { length }, dWeight: { length: channels }, dBias: { length: channels } },
        run: (gpu, buffers) => batchNormGrad(gpu, buffers as never, size, { training }),
        oracle: (arrays) => backward(arrays as never, size, training),
        tolerance,
        flops: (training ? 9 : 5) * length,
        bytes: 12 * length,
        benchOnly,
      }),
    ),
  ];
});

const size = { batch: 3, channels: 4, inner: 5 };
const x = normals(60, 6);
const weight = normals(4, 7);
const bias = normals(4, 8);
const dy = normals(60, 9);
const mean = normals(4, 10);
const variance = uniforms(4, 11, 0.5, 2);
const inTraining = () => backward({ x, weight, dy, ...train(x, weight, bias, size) }, size, true);
const inEvaluation = () => backward({ x, weight, dy, mean, rstd: rstdOf(variance) }, size, false);
const evaluate = (v: Numbers, w: Numbers, b: Numbers) => dot(normalize(v, w, b, mean, variance, size).y, dy);
export const gradients: GradientCase[] = [
  { name: "training by x", f: (v) => dot(train(v, weight, bias, size).y, dy), at: x, gradient: () => inTraining().dx },
  {
    name: "training by weight",
    f: (v) => dot(train(x, v, bias, size).y, dy),
    at: weight,
    gradient: () => inTraining().dWeight,
  },
  {
    name: "training by bias",
    f: (v) => dot(train(x, weight, v, size).y, dy),
    at: bias,
    gradient: () => inTraining().dBias,
  },
  { name: "evaluation by x", f: (v) => evaluate(v, weight, bias), at: x, gradient: () => inEvaluation().dx },
  { name: "evaluation by weight", f: (v) => evaluate(x, v, bias), at: weight, gradient: () => inEvaluation().dWeight },
  { name: "evaluation by bias", f: (v) => evaluate(x, weight, v), at: bias, gradient: () => inEvaluation().dBias },
];

/**
 * Convolution, batch norm and pooling on the tape: gradients and Hessian-vector products against double backward in float64. With one leaf moving
 * after the other each rule of the tangents is seen alone.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  averagePool,
  batchNorm,
  conv2d,
  gate,
  globalAveragePool,
  maxPool,
  reshape,
  sum,
  Tensor,
} from "../../src/tensor/index.js";
import { add, constant, gather, multiply, scatter, type Variable } from "../harness/double-backward.js";
import { indices, power, scale, spread } from "../harness/float64-layers.js";
import { sharedGpu } from "../harness/gpu.js";
import { hessianErrors } from "../harness/hessian.js";
import { bit, maskWords, normals, uniforms } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

interface Operation {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly build: (leaves: Tensor[]) => Tensor;
  readonly oracle: (leaves: Variable[]) => Variable;
}

interface Window {
  readonly x: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: number;
  readonly padding: number;
}

/** Pairs of places: of a pixel under a tap in x, which may lie outside, and of the tap. Tuples are [n, oy, ox, c, ky, kx]. */
function taps({ x: [batch, channels, height, width], kernel: [kernelHeight, kernelWidth], stride, padding }: Window) {
  const steps = (extent: number, kernel: number) => Math.floor((extent + 2 * padding - kernel) / stride) + 1;
  const out = [steps(height, kernelHeight), steps(width, kernelWidth)];
  const extents = [batch, ...out, channels, kernelHeight, kernelWidth];
  const pixel = (n: number, oy: number, ox: number, c: number, ky: number, kx: number) => {
    const [y, x] = [oy * stride + ky - padding, ox * stride + kx - padding];
    const inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? ((n * channels + c) * height + y) * width + x : -1;
  };
  return { out, extents, pixels: indices(extents, pixel) };
}

/** Groups of input channels see groups of outputs: weight [outputs, channels / groups, kernel]. */
function convolve(x: Variable, weight: Variable, bias: Variable | undefined, window: Window, groups: number) {
  const [batch, channels] = window.x;
  const inputs = channels / groups;
  const area = window.kernel[0] * window.kernel[1];
  const outputs = weight.length / (inputs * area);
  const { out, extents, pixels } = taps(window);
  const places: [number, number, number][] = [];
  indices(extents, (n, oy, ox, c, ky, kx) =>
    places.push([n, oy * out[1] + ox, (c * window.kernel[0] + ky) * window.kernel[1] + kx]),
  );
  const [inX, inWeight, inOut]: number[][] = [[], [], []];
  places.forEach(([n, pixel, tap], i) => {
    const group = Math.floor(tap / area / inputs);
    if (pixels[i] < 0) return;
    for (let o = (group * outputs) / groups; o < ((group + 1) * outputs) / groups; o++) {
      inX.push(pixels[i]);
      inWeight.push(o * inputs * area + tap - group * inputs * area);
      inOut.push((n * outputs + o) * out[0] * out[1] + pixel);
    }
  });
  const length = batch * outputs * out[0] * out[1];
  const y = scatter(multiply(gather(x, inX), gather(weight, inWeight)), inOut, length);
  return bias ? add(y, spread(bias, length, out[0] * out[1])) : y;
}

/** For each window the places in x of its pixels that exist, in reading order. */
function windows(window: Window): number[][] {
  const { out, extents, pixels } = taps(window);
  const found = Array.from({ length: window.x[0] * window.x[1] * out[0] * out[1] }, (): number[] => []);
  let at = 0;
  indices(extents, (n, oy, ox, c) => {
    const pixel = pixels[at++];
    if (pixel >= 0) found[((n * window.x[1] + c) * out[0] + oy) * out[1] + ox].push(pixel);
    return 0;
  });
  return found;
}

const largest = (x: Variable, window: Window) =>
  gather(
    x,
    windows(window).map((pixels) => pixels.reduce((best, pixel) => (x.values[pixel] > x.values[best] ? pixel : best))),
  );

function average(x: Variable, window: Window) {
  const found = windows(window);
  const each = found.flatMap((pixels, at) => pixels.map((pixel) => [pixel, at]));
  const sums = scatter(
    gather(
      x,
      each.map(([pixel]) => pixel),
    ),
    each.map(([, at]) => at),
    found.length,
  );
  return scale(sums, 1 / (window.kernel[0] * window.kernel[1]));
}

const EPSILON = 1e-5;
const runningMean = normals(3, 31);
const runningVariance = uniforms(3, 32, 0.5, 2);

function normalize([x, weight, bias]: Variable[], inner: number, training: boolean): Variable {
  const channels = weight.length;
  const whole = (values: Variable) => spread(values, x.length, inner);
  const places = Array.from(x.values, (_, i) => Math.floor(i / inner) % channels);
  const means = (values: Variable) => scale(scatter(values, places, channels), channels / x.length);
  const mean = training ? means(x) : constant(runningMean);
  const centered = add(x, scale(whole(mean), -1));
  const variance = training ? means(power(centered, 2)) : constant(runningVariance);
  const rstd = power(add(variance, constant(Array(channels).fill(EPSILON))), -0.5);
  return add(multiply(multiply(centered, whole(rstd)), whole(weight)), whole(bias));
}

const statistics = () => ({
  runningMean: Tensor.from(gpu, runningMean),
  runningVariance: Tensor.from(gpu, runningVariance),
  epsilon: EPSILON,
});

const words = maskWords(6 * 2 * 6, 5, 0.6);
const keep = constant(Array.from({ length: 72 }, (_, i) => bit(words, i)));
const grouped: Window = { x: [2, 4, 5, 4], kernel: [3, 2], stride: 2, padding: 1 };
const plain: Window = { x: [2, 3, 4, 5], kernel: [3, 3], stride: 1, padding: 1 };
const pooled: Window = { x: [2, 3, 5, 6], kernel: [3, 2], stride: 2, padding: 1 };
const attributes = { stride: 2, padding: 1, groups: 2 };

const operations: Operation[] = [
  {
    name: "conv2d",
    shapes: [plain.x, [5, 3, 3, 3], [5]],
    build: ([x, weight, bias]) => conv2d({ x, weight, bias }, { padding: 1 }),
    oracle: ([x, weight, bias]) => convolve(x, weight, bias, plain, 1),
  },
  {
    name: "masked conv2d in groups without bias",
    shapes: [grouped.x, [6, 2, 3, 2]],
    build: ([x, weight]) => conv2d({ x, weight, bias: undefined }, { ...attributes, mask: Tensor.from(gpu, words) }),
    oracle: ([x, weight]) => convolve(x, multiply(weight, keep), undefined, grouped, 2),
  },
  {
    // The variable is then the weight as it takes part, masked in value only.
    name: "masked conv2d with a dense gradient",
    shapes: [grouped.x, [6, 2, 3, 2], [6]],
    build: ([x, weight, bias]) =>
      conv2d({ x, weight, bias }, { ...attributes, mask: Tensor.from(gpu, words), denseGradient: true }),
    oracle: ([x, weight, bias]) => {
      const removed = constant(weight.values.map((value, i) => value * (bit(words, i) - 1)));
      return convolve(x, add(weight, removed), bias, grouped, 2);
    },
  },
  ...[true, false].flatMap((training): Operation[] => [
    {
      name: `batchNorm of images in ${training ? "training" : "evaluation"}`,
      shapes: [[2, 3, 3, 2], [3], [3]],
      build: ([x, weight, bias]) => batchNorm({ x, weight, bias }, { ...statistics(), training }),
      oracle: (leaves) => normalize(leaves, 6, training),
    },
    {
      name: `batchNorm of rows in ${training ? "training" : "evaluation"}`,
      shapes: [[7, 3], [3], [3]],
      build: ([x, weight, bias]) => batchNorm({ x, weight, bias }, { ...statistics(), training }),
      oracle: (leaves) => normalize(leaves, 1, training),
    },
  ]),
  {
    name: "maxPool",
    shapes: [pooled.x],
    build: ([x]) => maxPool(x, { window: [3, 2], stride: 2, padding: 1 }),
    oracle: ([x]) => largest(x, pooled),
  },
  {
    name: "averagePool",
    shapes: [pooled.x],
    build: ([x]) => averagePool(x, { window: [3, 2], stride: 2, padding: 1 }),
    oracle: ([x]) => average(x, pooled),
  },
  {
    name: "globalAveragePool",
    shapes: [pooled.x],
    build: ([x]) => globalAveragePool(x),
    oracle: ([x]) => average(x, { x: pooled.x, kernel: [5, 6], stride: 1, padding: 0 }),
  },
];

describe("convolutional operations", () => {
  test.each(operations)("$name: Hessian-vector products follow double backward", async ({ shapes, build, oracle }) => {
    const values = shapes.map((shape, index) =>
      normals(
        shape.reduce((a, b) => a * b),
        index + 11,
      ),
    );
    const factors = normals(build(values.map((data, index) => Tensor.from(gpu, data, shapes[index]))).size, 77);
    // sum(c * y^2): a gradient that moves with y, for an operation y whose own gradient moves with its inputs.
    const loss = (leaves: Tensor[]) => {
      const y = build(leaves);
      return sum(gate(gate(y, reshape(y, [y.size]), 1), Tensor.from(gpu, factors), 1));
    };
    const twice = {
      shapes,
      loss,
      oracle: (leaves: Variable[]) => multiply(power(oracle(leaves), 2), constant(factors)),
    };
    const directions = values.map((data, index) => normals(data.length, 99 + index));
    const alone = directions.map((_, moving) => directions.map((v, index) => (index === moving ? v : undefined)));
    for (const moving of alone.length > 1 ? [directions, ...alone] : [directions]) {
      for (const [leaf, error] of (await hessianErrors(gpu, twice, values, moving)).entries()) {
        const which = `leaf ${leaf}, moving ${moving.map((v) => v !== undefined)}`;
        expect(error.gradient, `gradient of ${which}`).toBeLessThan(3e-6);
        expect(error.product, `product of ${which}`).toBeLessThan(3e-6);
      }
    }
  });

  test("running statistics follow the batch in training and stay in evaluation", async () => {
    const [x, weight, bias] = [
      Tensor.from(gpu, Float32Array.of(1, 2, 3, 6), [4, 1]),
      ...[1, 0].map((v) => Tensor.from(gpu, Float32Array.of(v))),
    ];
    const running = {
      runningMean: Tensor.from(gpu, Float32Array.of(1)),
      runningVariance: Tensor.from(gpu, Float32Array.of(2)),
    };
    batchNorm({ x, weight, bias }, { ...running, epsilon: EPSILON, training: false });
    expect(await running.runningMean.read()).toEqual(Float32Array.of(1));
    batchNorm({ x, weight, bias }, { ...running, epsilon: EPSILON, training: true, momentum: 0.5 });
    expect(await running.runningMean.read()).toEqual(Float32Array.of(2));
    expect((await running.runningVariance.read())[0]).toBeCloseTo(2 + 0.5 * (14 / 3 - 2), 6);
  });

  test("wrong shapes are named", () => {
    const image = Tensor.zeros(gpu, [1, 4, 5, 5]);
    const weight = (shape: number[]) => ({ x: image, weight: Tensor.zeros(gpu, shape), bias: undefined });
    expect(() => conv2d(weight([2, 3, 3, 3]), {})).toThrow(
      /conv2d: expected x \[N, C, H, W\] and weight .* with 1 groups/,
    );
    expect(() => conv2d(weight([3, 2, 3, 3]), { groups: 2 })).toThrow(/channels in 2 equal groups, got 4 to 3/);
    expect(() => conv2d(weight([2, 4, 7, 7]), {})).toThrow(/a kernel within the padded image of 5 x 5, got 7 x 7/);
    expect(() => maxPool(image, { window: [2, 2], padding: 2 })).toThrow(/padding: expected 0 to half of the window/);
    const one = Tensor.zeros(gpu, [1]);
    const single = { x: Tensor.zeros(gpu, [1, 1]), weight: one, bias: one };
    const running = { runningMean: one, runningVariance: one };
    expect(() => batchNorm(single, { ...running, epsilon: EPSILON, training: true })).toThrow(/two or more values/);
  });
});

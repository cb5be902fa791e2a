/** What compensation is for: the outputs of a pruned layer move less. The numbers themselves are tested with the kernels. */
import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/errors.js";
import { biasFold, type Compensation, obsCompensation, sparseGptCompensation } from "../../src/prune/compensate.js";
import { Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { bit, maskWords, normals } from "../harness/random.js";

const layer = { name: "layer", out: 12, in: 48 };
const SAMPLES = 200;

/** Inputs that share eight directions and have a mean. */
function correlated(): Float64Array {
  const directions = normals(8 * layer.in, 1);
  const strengths = normals(SAMPLES * 8, 2);
  const noise = normals(SAMPLES * layer.in, 3, 0.3);
  return Float64Array.from(noise, (value, i) => {
    let x = 0.5 + value;
    for (let k = 0; k < 8; k++)
      x += strengths[Math.floor(i / layer.in) * 8 + k] * directions[k * layer.in + (i % layer.in)];
    return x;
  });
}

const inputs = correlated();
const dense = normals(layer.out * layer.in, 4);
const mask = maskWords(dense.length, 5);
const kept = (weight: ArrayLike<number>) => Float64Array.from(weight, (w, i) => w * bit(mask, i));

/** [SAMPLES, out] */
const outputs = (weight: ArrayLike<number>, bias?: ArrayLike<number>) =>
  Float64Array.from({ length: SAMPLES * layer.out }, (_, i) => {
    const [sample, row] = [Math.floor(i / layer.out), i % layer.out];
    let sum = bias?.[row] ?? 0;
    for (let c = 0; c < layer.in; c++) sum += weight[row * layer.in + c] * inputs[sample * layer.in + c];
    return sum;
  });

const squaredError = (weight: ArrayLike<number>) => {
  const want = outputs(dense);
  return outputs(kept(weight)).reduce((sum, y, i) => sum + (y - want[i]) ** 2, 0);
};

function moment(): Float32Array {
  const sums = new Float64Array(layer.in ** 2);
  for (let s = 0; s < SAMPLES; s++) {
    for (let i = 0; i < sums.length; i++) {
      sums[i] += inputs[s * layer.in + Math.floor(i / layer.in)] * inputs[s * layer.in + (i % layer.in)];
    }
  }
  return Float32Array.from(sums);
}

const mean = () =>
  Float32Array.from({ length: layer.in }, (_, c) => {
    let sum = 0;
    for (let s = 0; s < SAMPLES; s++) sum += inputs[s * layer.in + c];
    return sum / SAMPLES;
  });

async function compensated(compensate: Compensation, withBias = true) {
  const gpu = await sharedGpu();
  const scope = gpu.scope();
  const weight = Tensor.from(gpu, dense, [layer.out, layer.in]);
  const bias = withBias ? Tensor.zeros(gpu, [layer.out]) : undefined;
  const sources: Record<string, Tensor> = {
    inputMoment: Tensor.from(gpu, moment()),
    inputMean: Tensor.from(gpu, mean()),
  };
  try {
    compensate({ gpu, layer, weight, mask: Tensor.from(gpu, mask), bias, source: (name) => sources[name] });
    for (const kept of [weight, ...(bias ? [bias] : [])]) scope.keep(kept);
  } finally {
    scope[Symbol.dispose]();
  }
  const result = { weight: await weight.read(), bias: await bias?.read() };
  for (const tensor of [weight, ...(bias ? [bias] : [])]) gpu.release(tensor);
  return result;
}

describe("compensation", () => {
  test("the exact update moves outputs least, the sweep less than no update", async () => {
    const exact = squaredError((await compensated(obsCompensation())).weight);
    const sweep = squaredError((await compensated(sparseGptCompensation())).weight);
    expect(exact).toBeLessThan(0.9 * sweep);
    expect(sweep).toBeLessThan(0.5 * squaredError(dense));
  });

  test("removed weights keep their dense values", async () => {
    for (const compensate of [obsCompensation(), sparseGptCompensation(), biasFold()]) {
      const { weight } = await compensated(compensate);
      expect(weight.filter((_, i) => !bit(mask, i))).toEqual(dense.filter((_, i) => !bit(mask, i)));
    }
  });

  test("the bias fold keeps every output's mean", async () => {
    const { weight, bias } = await compensated(biasFold());
    const [got, want] = [outputs(kept(weight), bias), outputs(dense)];
    for (let row = 0; row < layer.out; row++) {
      const meanOf = (values: Float64Array) =>
        values.filter((_, i) => i % layer.out === row).reduce((a, b) => a + b) / SAMPLES;
      expect(meanOf(got)).toBeCloseTo(meanOf(want), 4);
    }
  });

  test("a layer without a bias cannot take a fold", async () => {
    await expect(compensated(biasFold(), false)).rejects.toThrow(UsageError);
  });
});

/** MLPs against float64 loops, and the law of gates at their neurons. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { type FloatTensor, type MlpConfig, parseModelConfig } from "../../src/io/index.js";
import { architectureOf, createModel, initialMlpWeights, MLP } from "../../src/nn/index.js";
import { criterionByName, prune } from "../../src/prune/index.js";
import { backward, crossEntropy, mean, Tensor, withoutHistory } from "../../src/tensor/index.js";
import { mismatch, sumOf } from "../harness/close.js";
import { sharedGpu } from "../harness/gpu.js";
import { checkGradient } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";
import { tinyConfig } from "../harness/tiny-vit.js";

const mlpConfig = (settings: Record<string, unknown> = {}): MlpConfig =>
  parseModelConfig(
    { architecture: "mlp", inputs: 6, hidden: [9, 7], num_classes: 4, ...settings },
    "test",
  ) as MlpConfig;

const config = mlpConfig();
const BATCH = 5;
const images = normals(BATCH * config.inputs, 11);
const labels = Uint32Array.of(0, 3, 1, 1, 2);

interface OracleTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Logits [batch, classes] in float64. */
function oracle(weights: ReadonlyMap<string, OracleTensor>, inputs: ArrayLike<number>): Float64Array {
  let x = Float64Array.from(inputs);
  for (let layer = 0; weights.has(`lin.${layer}.weight`); layer++) {
    const { shape, data } = weights.get(`lin.${layer}.weight`)!;
    const bias = weights.get(`lin.${layer}.bias`)?.data;
    const [outputs, columns] = shape;
    const isLast = !weights.has(`lin.${layer + 1}.weight`);
    x = Float64Array.from({ length: (x.length / columns) * outputs }, (_, i) => {
      const [example, output] = [Math.floor(i / outputs), i % outputs];
      let sum = bias?.[output] ?? 0;
      for (let k = 0; k < columns; k++) sum += data[output * columns + k] * x[example * columns + k];
      return isLast ? sum : Math.max(sum, 0);
    });
  }
  return x;
}

/** Mean cross-entropy in float64. */
function lossOf(logits: Float64Array): number {
  const classes = logits.length / BATCH;
  let sum = 0;
  for (let example = 0; example < BATCH; example++) {
    const row = logits.subarray(example * classes, (example + 1) * classes);
    sum += Math.log(row.reduce((total, z) => total + Math.exp(z), 0)) - row[labels[example]];
  }
  return sum / BATCH;
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const input = (shape: readonly number[] = [BATCH, config.inputs]) => Tensor.from(gpu, images, shape);

describe("forward", () => {
  test.each([
    ["biases", {}],
    ["no biases", { bias: false }],
    ["no hidden layer", { hidden: [] }],
    ["one hidden layer of one neuron", { hidden: [1] }],
  ])("with %s agrees with float64", async (_, settings) => {
    using _scope = gpu.scope();
    const changed = mlpConfig(settings);
    const weights = initialMlpWeights(changed, 3);
    const logits = await createModel(gpu, changed, weights).forward(input()).logits.read();
    expect(mismatch(logits, oracle(weights, images), sumOf(9))).toBeUndefined();
  });

  test("takes images and flattens them", async () => {
    using _scope = gpu.scope();
    const model = new MLP(gpu, config, initialMlpWeights(config, 3));
    const flat = await model.forward(input()).logits.read();
    expect(await model.forward(input([BATCH, 1, 2, 3])).logits.read()).toEqual(flat);
    expect(() => model.forward(input([3, 10]))).toThrow("mlp: expected inputs [N, 6], got [3,10]");
  });

  test("without history keeps only its result", async () => {
    const model = new MLP(gpu, config, initialMlpWeights(config, 3));
    const x = input();
    const { inUse } = gpu.memory;
    const { logits } = withoutHistory(() => model.forward(x));
    const want = await logits.read();
    gpu.release(logits);
    expect(gpu.memory.inUse).toBe(inUse);
    expect(await model.forward(x).logits.read()).toEqual(want);
    model.release();
  });
});

test("the gradient of every parameter agrees with central differences in float64", async () => {
  using _scope = gpu.scope();
  const weights = initialMlpWeights(config, 5);
  const model = new MLP(gpu, config, weights);
  const { logits } = model.forward(input());
  const gradients = backward(mean(crossEntropy({ logits, labels: Tensor.from(gpu, labels) }, { smoothing: 0 })));
  for (const { name, value } of model.parameters) {
    const { shape, data } = weights.get(name)!;
    const loss = (values: Float64Array) =>
      lossOf(oracle(new Map<string, OracleTensor>([...weights, [name, { shape, data: values }]]), images));
    checkGradient(loss, data, await gradients.get(value)!.read(), name);
  }
});

test("weights are ordered by the network, whatever order the file has", () => {
  const weights = initialMlpWeights(config, 1);
  const model = new MLP(gpu, config, new Map([...weights].reverse()));
  expect(Array.from(model.parameters, ({ name }) => name)).toEqual([
    "lin.0.weight",
    "lin.0.bias",
    "lin.1.weight",
    "lin.1.bias",
    "lin.2.weight",
    "lin.2.bias",
  ]);
  expect(() => new MLP(gpu, mlpConfig({ hidden: [9, 8] }), weights)).toThrow(
    'model: expected "lin.1.weight" of shape 8 x 9, got 7 x 9',
  );
  expect(() => new MLP(gpu, tinyConfig(), weights)).toThrow('model: expected the config of an MLP, got "vit"');
  model.release();
});

test("fresh weights are uniform within 1 / sqrt(fan-in), by seed", () => {
  const weights = initialMlpWeights(mlpConfig({ inputs: 400, hidden: [100] }), 1);
  for (const [name, bound] of [
    ["lin.0.weight", 1 / 20],
    ["lin.0.bias", 1 / 20],
    ["lin.1.weight", 1 / 10],
    ["lin.1.bias", 1 / 10],
  ] as const) {
    expect(Math.max(...weights.get(name)!.data.map(Math.abs))).toBeLessThanOrEqual(bound);
  }
  // 40,000 draws: the mean of squares of a uniform variable within b is b^2 / 3.
  const { data } = weights.get("lin.0.weight")!;
  const meanSquare = data.reduce((sum, value) => sum + value * value, 0) / data.length;
  expect(meanSquare * 3 * 400).toBeCloseTo(1, 1);
  expect(initialMlpWeights(config, 4)).toEqual(initialMlpWeights(config, 4));
  expect(initialMlpWeights(config, 4)).not.toEqual(initialMlpWeights(config, 5));
});

describe("neurons", () => {
  /** Zeroes what belongs to a neuron of a hidden layer: its row, its bias, its column of the next layer. */
  function cut(weights: ReadonlyMap<string, FloatTensor>, layer: number, neuron: number): Map<string, FloatTensor> {
    const columns = weights.get(`lin.${layer + 1}.weight`)!.shape[1];
    const row = weights.get(`lin.${layer}.weight`)!.shape[1];
    const kept = (name: string, test: (index: number) => boolean): [string, FloatTensor] => {
      const { shape, data } = weights.get(name)!;
      return [name, { shape, data: data.map((value, index) => (test(index) ? value : 0)) }];
    };
    return new Map([
      ...weights,
      kept(`lin.${layer}.weight`, (index) => Math.floor(index / row) !== neuron),
      kept(`lin.${layer}.bias`, (index) => index !== neuron),
      kept(`lin.${layer + 1}.weight`, (index) => index % columns !== neuron),
    ]);
  }

  test.each([
    [0, 4],
    [1, 6],
  ])("a closed gate at layer %i is the network without the neuron", async (layer, neuron) => {
    using _scope = gpu.scope();
    const weights = initialMlpWeights(config, 2);
    const model = new MLP(gpu, config, weights);
    const key = `lin.${layer}.neuron`;
    const open = new Float32Array(config.hidden[layer]).fill(1);
    open[neuron] = 0;
    model.gates.set(key, Tensor.from(gpu, open));
    const want = oracle(cut(weights, layer, neuron), images);
    expect(mismatch(await model.forward(input()).logits.read(), want, sumOf(9))).toBeUndefined();
    expect([...model.gates.places.keys()]).toEqual(["lin.0.neuron", "lin.1.neuron"]);
  });

  test("are pruned with their row, bias and column", async () => {
    const weights = initialMlpWeights(config, 2);
    const model = new MLP(gpu, config, weights);
    const options = { granularity: "neuron", scope: "layer", sparsity: 0.2 } as const;
    const { masks, kept } = await prune(model, { saliency: criterionByName("magnitude"), ...options });
    let expected: ReadonlyMap<string, FloatTensor> = weights;
    for (const [layer, bits] of [...kept.values()].entries()) {
      expect([...bits.keys()].filter((neuron) => !bits[neuron])).toHaveLength(1);
      expected = cut(expected, layer, bits.indexOf(0));
    }
    for (const [name, { data }] of expected) {
      const mask = masks.get(name)?.data;
      expect(weights.get(name)!.data.map((value, index) => (mask && !mask[index] ? 0 : value))).toEqual(data);
    }
    const x = input();
    expect(mismatch(await model.forward(x).logits.read(), oracle(expected, images), sumOf(9))).toBeUndefined();
    gpu.release(x);
    model.release();
  });

  test("and heads are named where there are none", async () => {
    const shallow = mlpConfig({ hidden: [] });
    const model = new MLP(gpu, shallow, initialMlpWeights(shallow, 1));
    for (const granularity of ["neuron", "head"] as const) {
      const pruning = prune(model, { saliency: criterionByName("magnitude"), granularity, sparsity: 0.5 });
      await expect(pruning).rejects.toThrow(`granularity: expected units that this model has, got ${granularity}`);
    }
    model.release();
  });
});

test("the architecture tells layers and FLOPs without a device", () => {
  const lenet = parseModelConfig({ architecture: "lenet_300_100" }, "test");
  const { layers, flops } = architectureOf(lenet);
  expect(layers.map(({ name, kind, in: inputs, out }) => [name, kind, inputs, out])).toEqual([
    ["lin.0", "linear", 784, 300],
    ["lin.1", "linear", 300, 100],
    ["lin.2", "classifier", 100, 10],
  ]);
  expect(flops).toBe(2 * (784 * 300 + 300 * 100 + 100 * 10));
});

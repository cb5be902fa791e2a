/** NTK-SAP: against float64 with the numbers that the device drew, on every kind of network, and without a trace on the model. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  arrayDataset,
  type FloatTensor,
  inputSpec,
  type MlpConfig,
  type ModelConfig,
  parseModelConfig,
} from "../../src/io/index.js";
import { randomNormal } from "../../src/kernels/index.js";
import { architectureOf, createModel, initialMlpWeights, type Model, TrainingPass } from "../../src/nn/index.js";
import { criterionByName, type PruneOptions, Pruner, readMasks } from "../../src/prune/index.js";
import { backward, map, sum, Tensor, withoutHistory } from "../../src/tensor/index.js";
import { backwardMlp, forwardMlp } from "../harness/float64-mlp.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const BATCH = 6;
const EXAMPLES = 10; // a batch of 6 and one of 4
const SEED = 17;
const INPUTS = 7;
const config = parseModelConfig(
  { architecture: "mlp", inputs: INPUTS, hidden: [8, 6], num_classes: 3 },
  "mlp",
) as MlpConfig;
const weights = initialMlpWeights(config, 2);
const LAYERS = ["lin.0", "lin.1", "lin.2"];

const dataFor = (model: ModelConfig, examples = EXAMPLES) => {
  const { sampleShape } = inputSpec(model);
  const shape = [examples, ...sampleShape];
  const labels = Int32Array.from({ length: examples }, (_, i) => i % 3);
  const data = normals(
    shape.reduce((a, b) => a * b, 1),
    3,
  );
  return arrayDataset({ shape, data, labels }, inputSpec(model), "test");
};

const options = (model: ModelConfig, more: Partial<PruneOptions> = {}): PruneOptions => ({
  saliency: criterionByName("ntk-sap"),
  sparsity: 0.5,
  rounds: 3,
  calibration: dataFor(model),
  batchSize: BATCH,
  seed: SEED,
  protection: { classifier: false, embedding: false },
  ...more,
});

/** What the device draws for a batch, in the order in which the criterion asks. */
async function drawn(round: number, batch: number, sizes: readonly number[]): Promise<Float32Array[]> {
  const state = Tensor.from(gpu, Uint32Array.of(SEED, round * 2 ** 20 + batch), [2]);
  const draws: Float32Array[] = [];
  for (const [index, length] of sizes.entries()) {
    const y = Tensor.empty(gpu, [length]);
    randomNormal(gpu, { y, state }, { length, stream: 0x40a1_0000 + index });
    draws.push(await y.read());
  }
  return draws;
}

/** |sum over batches of the gradient of ||f - f'||^2 by a mask over the weights of both|. */
async function oracle(
  masks: ReadonlyMap<string, { data: Uint8Array }> | undefined,
  round: number,
): Promise<Float64Array[]> {
  const shapes = LAYERS.map((name) => weights.get(`${name}.weight`)!.shape);
  const biases = LAYERS.map((name) => Float64Array.from(weights.get(`${name}.bias`)!.data));
  const sums = shapes.map(([out, ins]) => new Float64Array(out * ins));
  for (const [batch, examples] of [BATCH, EXAMPLES - BATCH].entries()) {
    const sizes = [examples * INPUTS, ...shapes.flatMap(([out, ins]) => [out * ins, out * ins])];
    const [x, ...pairs] = await drawn(round, batch, sizes);
    const bits = (layer: number, i: number) => masks?.get(`${LAYERS[layer]}.weight`)?.data[i] ?? 1;
    const kaiming = shapes.map(([, ins], layer) => Float64Array.from(pairs[2 * layer], (n) => Math.sqrt(2 / ins) * n));
    const moved = kaiming.map((w, layer) => w.map((value, i) => value + 0.01 * pairs[2 * layer + 1][i]));
    const [first, second] = [kaiming, moved].map((set) =>
      set.map((w, layer) => ({ weight: w.map((value, i) => value * bits(layer, i)), bias: biases[layer] })),
    );
    const [a, b] = [first, second].map((layers) => forwardMlp(layers, x, examples));
    const difference = a.logits.map((value, i) => 2 * (value - b.logits[i]));
    const byFirst = backwardMlp(first, a, difference, examples);
    const bySecond = backwardMlp(
      second,
      b,
      difference.map((value) => -value),
      examples,
    );
    sums.forEach((sum, layer) => {
      for (let i = 0; i < sum.length; i++) {
        sum[i] += bits(layer, i) * (byFirst[layer][i] * kaiming[layer][i] + bySecond[layer][i] * moved[layer][i]);
      }
    });
  }
  return sums.map((sum) => sum.map(Math.abs));
}

describe.each([
  ["by default", {}],
  ["under reference", { reference: true }],
] as const)("an MLP %s", (_, more) => {
  test("has the scores of float64 in every round, and its weights afterwards", async () => {
    const model = createModel(gpu, config, weights);
    using pruner = new Pruner(model, options(config, more));
    let masks: Awaited<ReturnType<typeof readMasks>> | undefined;
    for (let round = 0; round < 3; round++) {
      await pruner.step();
      const scores = await pruner.scorer.scores.read();
      const want = await oracle(masks, round);
      const largest = Math.max(...want.flatMap((sum) => [...sum]));
      pruner.space.groups.forEach(({ name, offset }) => {
        want[LAYERS.indexOf(name)].forEach((score, i) => {
          expect(Math.abs(scores[offset + i] - score) / largest, `round ${round} ${name} ${i}`).toBeLessThan(2e-4);
        });
      });
      masks = await readMasks(model);
    }
    expect(await model.parameters.read()).toEqual(weights);
    model.release();
  });
});

async function scoresOf(model: Model, more: Partial<PruneOptions> = {}): Promise<Float32Array> {
  using pruner = new Pruner(model, options(model.config, { rounds: 1, ...more }));
  await pruner.run();
  return pruner.scorer.scores.read();
}

test("the same seed gives the same scores, whatever weights and images there are", async () => {
  const model = createModel(gpu, config, weights);
  const first = await scoresOf(model);
  model.release();
  const others = new Map(initialMlpWeights(config, 5));
  for (const name of LAYERS) others.set(`${name}.bias`, weights.get(`${name}.bias`)!); // which are not drawn
  const other = createModel(gpu, config, others);
  expect(await scoresOf(other)).toEqual(first);
  other.release();
  const again = createModel(gpu, config, weights);
  expect(await scoresOf(again, { seed: SEED + 1 })).not.toEqual(first);
  again.release();
});

const NETWORKS: [string, Record<string, unknown>][] = [
  ["vit", { img_size: 8, patch_size: 4, in_chans: 1, embed_dim: 16, depth: 2, num_heads: 2, num_classes: 3 }],
  ["resnet20", { architecture: "resnet20", img_size: 8, num_classes: 3 }],
];

const isRunning = (name: string): boolean => /running_(mean|var)$/.test(name);
const isNorm = (name: string): boolean => /norm\d?\.\w+$|(bn\d?|shortcut\.1)\.\w+$/.test(name);

/** Two models that are made of what the device draws: all of their values are uploaded, and gradients are by these. */
async function byModels(network: ModelConfig, before: ReadonlyMap<string, FloatTensor>, examples: number) {
  const sampleShape = inputSpec(network).sampleShape;
  const layers = architectureOf(network).layers.map(({ name }) => `${name}.weight`);
  const drawnFor = [...before].filter(([name]) => layers.includes(name));
  const inputs = examples * sampleShape.reduce((a, b) => a * b, 1);
  const sizes = drawnFor.flatMap(([, { data }]) => [data.length, data.length]);
  const [x, ...pairs] = await drawn(0, 0, [inputs, ...sizes]);
  const first = new Map<string, FloatTensor>();
  const second = new Map<string, FloatTensor>();
  for (const [name, { shape, data }] of before) {
    const at = drawnFor.findIndex(([each]) => each === name);
    const constant = isRunning(name) ? 0 : name.endsWith(".weight") ? 1 : 0;
    const deviation = Math.sqrt((2 * shape[0]) / data.length);
    const value = at >= 0 ? pairs[2 * at].map((n) => deviation * n) : isNorm(name) ? data.map(() => constant) : data;
    first.set(name, { shape, data: value });
    second.set(name, { shape, data: at >= 0 ? value.map((w, i) => w + 0.01 * pairs[2 * at + 1][i]) : value });
  }
  const images = Tensor.from(gpu, x, [examples, ...sampleShape]);
  // A training pass moves the running statistics by a tenth, from zero.
  const moving = createModel(gpu, network, first);
  withoutHistory(() => void moving.forward(images, { training: new TrainingPass(Tensor.zeros(gpu, [2], "u32")) }));
  for (const [name, { shape, data }] of await moving.parameters.read()) {
    if (!isRunning(name)) continue;
    for (const values of [first, second]) values.set(name, { shape, data: data.map((value) => value / 0.1) });
  }
  const models = [first, second].map((values) => createModel(gpu, network, values));
  const [a, b] = models.map((model) => model.forward(images).logits);
  const gradients = backward(sum(map("(a - b) * (a - b)", { a, b }, { a: "2.0 * (a - b)", b: "2.0 * (b - a)" })));
  const want = new Map<string, Float64Array>();
  for (const name of layers) {
    const [ga, gb] = await Promise.all(models.map((model) => gradients.get(model.parameters.get(name).value)!.read()));
    const [wa, wb] = [first, second].map((values) => values.get(name)!.data);
    want.set(
      name,
      Float64Array.from(ga, (g, i) => Math.abs(g * wa[i] + gb[i] * wb[i])),
    );
  }
  for (const model of [moving, ...models]) model.release();
  return want;
}

describe.each(NETWORKS)("a %s", (_, json) => {
  test("has the scores of models made of what was drawn, and does not change", async () => {
    const network = parseModelConfig(json, "network");
    const before = architectureOf(network).initialWeights(1);
    for (const [name, { data }] of before) {
      if (isNorm(name)) for (let i = 0; i < data.length; i++) data[i] += 0.25 + (i % 3);
    }
    const model = createModel(gpu, network, before);
    using pruner = new Pruner(model, options(network, { rounds: 1, calibration: dataFor(network, 4), batchSize: 4 }));
    await pruner.run();
    const scores = await pruner.scorer.scores.read();
    const want = await byModels(network, before, 4);
    const largest = Math.max(...Array.from(want.values(), (each) => each.reduce((a, b) => Math.max(a, b), 0)));
    for (const { name, offset } of pruner.space.groups) {
      const worst = want.get(`${name}.weight`)!.reduce((most, score, i) => {
        return Math.max(most, Math.abs(scores[offset + i] - score));
      }, 0);
      expect(worst / largest, name).toBeLessThan(1e-3);
    }
    expect(await model.parameters.read()).toEqual(before);
    model.release();
  });
});

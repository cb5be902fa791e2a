import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { type FloatTensor, parseModelConfig } from "../../src/io/index.js";
import { architectureOf, createModel, type Model, ViT } from "../../src/nn/index.js";
import { criterionByName, maskWeights, prune, writeMasks } from "../../src/prune/index.js";
import { evaluate, Trainer, type TrainOptions } from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const OPTIONS: TrainOptions = { epochs: 1, batchSize: 8, learningRate: 3e-3, seed: 5 };
const data = quadrantData(64, 3);

type Weights = ReadonlyMap<string, FloatTensor>;

/** Follows the weights of each step in float64. */
async function expectRecurrence(model: Model, decay: number, steps: number): Promise<void> {
  const averages = new Map(
    [...(await model.parameters.read())].map(([name, { data }]) => [name, Float64Array.from(data)]),
  );
  using trainer = new Trainer(model, data, { ...OPTIONS, averageDecay: decay });
  const onStep = async () => {
    for (const [name, { data }] of await model.parameters.read()) {
      averages.get(name)!.forEach((average, i, all) => {
        all[i] = decay * average + (1 - decay) * data[i];
      });
    }
  };
  await trainer.run({ onStep }, steps);
  const { average } = await trainer.read();
  for (const [name, want] of averages) {
    const got = average!.get(name)!.data;
    const worst = want.reduce((worst, value, i) => Math.max(worst, Math.abs(value - got[i])), 0);
    expect(worst, name).toBeLessThan(1e-6);
  }
}

describe("the recurrence in float64", () => {
  test.each([0, 0.5, 0.99])("decay %s", async (decay) => {
    const model = tinyViT(gpu);
    await expectRecurrence(model, decay, 5);
    model.release();
  });

  test("running statistics of batch norms take part", async () => {
    const config = parseModelConfig({ architecture: "resnet20", img_size: 8, in_chans: 1, num_classes: 4 }, "test");
    const model = createModel(gpu, config, architectureOf(config).initialWeights(3));
    await expectRecurrence(model, 0.9, 2);
    model.release();
  });
});

test("an average changes nothing in the training itself", async () => {
  const run = async (changes: Partial<TrainOptions>) => {
    const model = tinyViT(gpu);
    using trainer = new Trainer(model, data, { ...OPTIONS, ...changes });
    await trainer.run({}, 4);
    const weights = await model.parameters.read();
    model.release();
    return weights;
  };
  expect(await run({ averageDecay: 0.9 })).toEqual(await run({}));
});

test("averaged weights are evaluated, and the weights come back bit for bit", async () => {
  const model = tinyViT(gpu);
  using trainer = new Trainer(model, data, { ...OPTIONS, averageDecay: 0.9 });
  await trainer.run({}, 4);
  const weights = await model.parameters.read();
  const { average } = await trainer.read();
  const alone = new ViT(gpu, model.config, average!);
  expect(await trainer.averaged(() => evaluate(model, data))).toEqual(await evaluate(alone, data));
  expect(await model.parameters.read()).toEqual(weights);
  await expect(trainer.averaged(() => Promise.reject(new Error("stopped")))).rejects.toThrow("stopped");
  expect(await model.parameters.read()).toEqual(weights);
  trainer.takeAverage();
  expect(await model.parameters.read()).toEqual(average);
  for (const made of [model, alone]) made.release();
});

test("an interrupted run that goes on ends with the same bits", async () => {
  const run = async (...stops: number[]): Promise<{ weights: Weights; average: Weights | undefined }> => {
    let model = tinyViT(gpu, 1, { drop_rate: 0.1 });
    let state: Awaited<ReturnType<Trainer["read"]>> | undefined;
    for (const stop of stops) {
      if (state) {
        const resumed = new ViT(gpu, model.config, await model.parameters.read());
        model.release();
        model = resumed;
      }
      using trainer = new Trainer(model, data, { ...OPTIONS, averageDecay: 0.9 });
      if (state) trainer.restore(state);
      await trainer.run({}, stop);
      state = await trainer.read();
    }
    const weights = await model.parameters.read();
    model.release();
    return { weights, average: state!.average };
  };
  expect(await run(3, 5, 8)).toEqual(await run(8));
});

test("removed weights are zero in the average too", async () => {
  const dense = tinyViT(gpu);
  const { masks } = await prune(dense, { saliency: criterionByName("magnitude"), sparsity: 0.7 });
  const model = new ViT(gpu, dense.config, maskWeights(await dense.parameters.read(), masks));
  writeMasks(model, masks);
  using trainer = new Trainer(model, data, { ...OPTIONS, averageDecay: 0.9 });
  await trainer.run({}, 4);
  const { average } = await trainer.read();
  for (const [name, { data: mask }] of masks) {
    const { data: averaged } = average!.get(name)!;
    expect(mask.some((kept) => kept === 0)).toBe(true);
    mask.forEach((kept, i) => {
      if (!kept) expect(averaged[i]).toBe(0);
    });
  }
  for (const made of [model, dense]) made.release();
});

test("training and evaluating averages does not grow memory", async () => {
  const model = tinyViT(gpu);
  using trainer = new Trainer(model, data, { ...OPTIONS, epochs: 5, averageDecay: 0.9 });
  const epoch = async (until: number) => {
    await trainer.run({}, until);
    await trainer.averaged(() => model.parameters.read());
  };
  await epoch(8);
  await epoch(16);
  const before = { ...gpu.memory };
  for (let until = 24; until <= 40; until += 8) await epoch(until);
  expect(gpu.memory).toEqual(before);
  model.release();
});

test.each([-0.1, 1, Number.NaN])("refuses a decay of %s", (averageDecay) => {
  const model = tinyViT(gpu);
  expect(() => new Trainer(model, data, { ...OPTIONS, averageDecay })).toThrow(
    /average of weights: expected a decay from 0 to below 1/,
  );
  model.release();
});

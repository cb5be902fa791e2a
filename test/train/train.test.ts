import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  augment,
  cosineRate,
  evaluate,
  keyedGenerator,
  MetricsMeter,
  shuffled,
  Trainer,
  TrainingBatches,
} from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const OPTIONS = { epochs: 4, batchSize: 16, learningRate: 3e-3, seed: 5, labelSmoothing: 0.1 };

describe("schedule and order", () => {
  test("cosine with warm-up has the values of its definition", () => {
    const schedule = { peak: 1, final: 0.1, warmupSteps: 4, totalSteps: 14 };
    const rates = Array.from({ length: 15 }, (_, step) => cosineRate(schedule, step));
    expect(rates.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(rates[9]).toBeCloseTo(0.55, 12);
    expect(rates[14]).toBeCloseTo(0.1, 12);
    for (let step = 5; step < 15; step++) expect(rates[step]).toBeLessThan(rates[step - 1]);
  });

  test("a shuffle is a permutation that the seed and the epoch decide", () => {
    const order = (...key: number[]) => [...shuffled(100, keyedGenerator(...key))];
    expect([...order(1, 0)].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(order(1, 0)).toEqual(order(1, 0));
    expect(order(1, 0)).not.toEqual(order(1, 1));
    expect(order(1, 0)).not.toEqual(order(2, 0));
  });

  test("the batch of a step does not depend on the steps before it", async () => {
    const data = quadrantData(50, 1);
    const order = { seed: 3, batchSize: 8, augmentation: { cropPadding: 2, flip: true } };
    const straight = new TrainingBatches(data, order);
    for (let step = 0; step < 13; step++) await straight.at(step);
    expect(await new TrainingBatches(data, order).at(13)).toEqual(await straight.at(13));
  });

  test("crops move and flips mirror, sample by sample", () => {
    const image = Float32Array.from({ length: 16 }, (_, i) => i + 1);
    const seen = new Set<string>();
    for (let index = 0; index < 200; index++) {
      const batch = image.slice();
      augment(batch, [1, 4, 4], [index], { cropPadding: 1, flip: true }, { seed: 1, epoch: 0 });
      seen.add(batch.join());
    }
    expect(seen.size).toBe(18); // nine shifts, each mirrored or not
    expect(seen).toContain(image.join());
    expect(seen).toContain([4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13].join());
    expect(seen).toContain([0, 0, 0, 0, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11].join());
  });
});

test("metrics: ranks, ties and mean cross entropy", () => {
  const meter = new MetricsMeter();
  meter.add(Float32Array.of(0, 1, 2, 3, 4, 5, /**/ 1, 1, 0, 0, 0, 0), Uint32Array.of(0, 0), 2);
  const { top1, top5, loss, examples, nonFinite } = meter.metrics;
  expect(nonFinite).toBe(0);
  expect({ top1, top5, examples }).toEqual({ top1: 0.5, top5: 0.5, examples: 2 });
  const first = Math.log([0, 1, 2, 3, 4, 5].reduce((sum, x) => sum + Math.exp(x), 0));
  const second = Math.log(2 * Math.E + 4) - 1;
  expect(loss).toBeCloseTo((first + second) / 2, 6);
});

test("logits that are not finite are wrong answers", () => {
  const meter = new MetricsMeter();
  meter.add(Float32Array.of(Number.NaN, 0, Number.POSITIVE_INFINITY, 0, 3, 1), Uint32Array.of(0, 0, 0), 3);
  expect(meter.metrics).toEqual({ top1: 1 / 3, top5: 1 / 3, loss: Number.NaN, examples: 3, nonFinite: 2 });
});

test("what is no dataset, as a host in JavaScript may pass, is told in one line", async () => {
  const model = tinyViT(gpu, 1);
  const [path, nothing] = ["mnist/", undefined] as never[];
  await expect(evaluate(model, path)).rejects.toThrow(
    /^data: expected a Dataset, got "mnist\/"; openDataset\(path, model.config\) makes one of a file or folder$/,
  );
  await expect(evaluate(model, nothing)).rejects.toThrow(/^data: expected a Dataset, got undefined; /);
  model.release();
});

test("evaluation does not depend on the batch size, padded batches included", async () => {
  const model = tinyViT(gpu);
  const data = quadrantData(21, 2);
  const whole = await evaluate(model, data, { batchSize: 21 });
  const logits: number[] = [];
  const parts = await evaluate(model, data, { batchSize: 8, onLogits: (rows) => logits.push(...rows) });
  expect(logits.length).toBe(21 * 4);
  expect(parts.loss).toBeCloseTo(whole.loss, 6);
  expect({ ...parts, loss: 0 }).toEqual({ ...whole, loss: 0 });
  model.release();
});

describe("training", () => {
  const weightsAfter = async (steps: number[], seed = 5) => {
    const model = tinyViT(gpu, 1, { drop_rate: 0.1, pos_drop_rate: 0.1, proj_drop_rate: 0.1, drop_path_rate: 0.1 });
    const data = quadrantData(64, 3);
    let state: Awaited<ReturnType<Trainer["read"]>> | undefined;
    for (const until of steps) {
      using trainer = new Trainer(model, data, { ...OPTIONS, seed });
      if (state) trainer.restore(state);
      await trainer.run({}, until);
      state = await trainer.read();
    }
    const weights = await model.parameters.read();
    model.release();
    return weights;
  };

  test("learns", async () => {
    const model = tinyViT(gpu);
    const losses: number[] = [];
    using trainer = new Trainer(model, quadrantData(256, 3), { ...OPTIONS, epochs: 6 });
    await trainer.run({ onStep: ({ loss }) => void losses.push(loss) });
    const { top1 } = await evaluate(model, quadrantData(128, 4));
    expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]);
    expect(top1).toBeGreaterThan(0.9);
    model.release();
  });

  test.each([-1, 0.5, 16])("refuses to begin at step %s of 16", (firstStep) => {
    const model = tinyViT(gpu);
    const begin = () => new Trainer(model, quadrantData(64, 3), { ...OPTIONS, firstStep });
    expect(begin).toThrow(/firstStep: expected one of the 16 steps from 0/);
    model.release();
  });

  test("an interrupted run that goes on ends with the same bits", async () => {
    const straight = await weightsAfter([12]);
    expect(await weightsAfter([5, 12])).toEqual(straight);
    expect(await weightsAfter([12], 6)).not.toEqual(straight);
  });

  test("a training that begins at a later step goes on with its data and rates, and a new optimizer", async () => {
    const model = tinyViT(gpu);
    const data = quadrantData(64, 3);
    const whole: { step: number; learningRate: number; loss: number }[] = [];
    using straight = new Trainer(model, data, OPTIONS);
    await straight.run({ onStep: ({ step, learningRate, loss }) => void whole.push({ step, learningRate, loss }) }, 5);
    const { data: before } = (await model.parameters.read()).get("blocks.0.mlp.fc1.weight")!;
    await straight.run({ onStep: ({ step, learningRate, loss }) => void whole.push({ step, learningRate, loss }) }, 6);
    model.release();

    const late = tinyViT(gpu);
    using first = new Trainer(late, data, OPTIONS);
    await first.run({}, 5);
    const seen: typeof whole = [];
    using second = new Trainer(late, data, { ...OPTIONS, firstStep: 5, optimizer: { weightDecay: 0, clipNorm: 0 } });
    await second.run({ onStep: ({ step, learningRate, loss }) => void seen.push({ step, learningRate, loss }) }, 6);
    expect(seen).toEqual([whole[5]]); // the loss is that of the same batch, before the update
    // Adam's first step moves every weight by the learning rate, whatever the gradient.
    const { data: after } = (await late.parameters.read()).get("blocks.0.mlp.fc1.weight")!;
    const moves = after.map((value, i) => Math.abs(value - before[i]) / seen[0].learningRate).sort();
    expect(moves[moves.length >> 1]).toBeCloseTo(1, 2);
    expect(moves.at(-1)).toBeLessThan(1.001);
    late.release();
  });

  test("the order of weights in a file changes nothing", async () => {
    const inOrder = tinyViT(gpu);
    const weights = [...(await inOrder.parameters.read())];
    const { ViT } = await import("../../src/nn/index.js");
    const reversed = new ViT(gpu, inOrder.config, new Map(weights.reverse()));
    for (const model of [inOrder, reversed]) {
      using trainer = new Trainer(model, quadrantData(64, 3), { ...OPTIONS, optimizer: { clipNorm: 0.1 } });
      await trainer.run({}, 8);
    }
    expect(await reversed.parameters.read()).toEqual(await inOrder.parameters.read());
    inOrder.release();
    reversed.release();
  });

  test("removed weights stay what they were, and take no part", async () => {
    const { prune, criterionByName } = await import("../../src/prune/index.js");
    const model = tinyViT(gpu);
    const before = await model.parameters.read();
    const { masks } = await prune(model, { saliency: criterionByName("magnitude"), sparsity: 0.7 });
    using trainer = new Trainer(model, quadrantData(64, 3), OPTIONS);
    await trainer.run({}, 6);
    const after = await model.parameters.read();
    let moved = 0;
    for (const [name, { data: mask }] of masks) {
      const [old, now] = [before.get(name)!.data, after.get(name)!.data];
      mask.forEach((kept, i) => {
        if (!kept) expect(now[i]).toBe(old[i]);
        else if (now[i] !== old[i]) moved++;
      });
    }
    expect(moved).toBeGreaterThan(100);
    model.release();
  });

  test("a thousand steps do not grow memory", async () => {
    const model = tinyViT(gpu);
    using trainer = new Trainer(model, quadrantData(64, 3), { ...OPTIONS, batchSize: 4, epochs: 70 });
    await trainer.run({}, 20);
    const counts = () => ({ ...gpu.memory, pipelines: gpu.counters.pipelines, bindGroups: gpu.counters.bindGroups });
    const before = counts();
    globalThis.gc!();
    const heap = process.memoryUsage().heapUsed;
    await trainer.run({}, 1020);
    expect(counts()).toEqual(before);
    globalThis.gc!();
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(4e6);
    model.release();
  });

  test("a loss that is not finite stops the run with one clear error", async () => {
    const model = tinyViT(gpu);
    using trainer = new Trainer(model, quadrantData(64, 3), {
      ...OPTIONS,
      learningRate: 1e6,
      warmup: 0,
      optimizer: { clipNorm: 0 },
    });
    await expect(trainer.run()).rejects.toThrow(
      /training: expected finite numbers, got a loss of .* lower the learning rate/,
    );
    model.release();
  });

  test("weights that the last step made infinite are never handed out", async () => {
    const model = tinyViT(gpu);
    const options = { ...OPTIONS, learningRate: 3e38, warmup: 0, optimizer: { clipNorm: 0 } };
    using trainer = new Trainer(model, quadrantData(64, 3), options);
    const saved: number[] = [];
    await expect(trainer.run({ onEpoch: ({ step }) => void saved.push(step) }, 1)).rejects.toThrow(
      /got weights that are not/,
    );
    expect(saved).toEqual([]);
    model.release();
  });

  test("an aborted run stops between steps", async () => {
    const model = tinyViT(gpu);
    const controller = new AbortController();
    using trainer = new Trainer(model, quadrantData(64, 3), OPTIONS);
    const onStep = ({ step }: { step: number }) => {
      if (step === 3) controller.abort(new Error("enough"));
    };
    await expect(trainer.run({ onStep, signal: controller.signal })).rejects.toThrow("enough");
    expect(trainer.step).toBe(3);
    model.release();
  });

  test("wrong options are named", () => {
    const model = tinyViT(gpu);
    const data = quadrantData(8, 1);
    expect(() => new Trainer(model, data, OPTIONS)).toThrow(
      /batch: expected at most the 8 examples of quadrants, got 16/,
    );
    expect(() => new Trainer(model, data, { ...OPTIONS, batchSize: 4, learningRate: -1 })).toThrow(
      /learning rate: expected/,
    );
    model.release();
  });

  test("both heads of a distilled model learn", async () => {
    const model = tinyViT(gpu, 2, { distilled: true });
    const before = await model.parameters.read();
    using trainer = new Trainer(model, quadrantData(64, 3), OPTIONS);
    await trainer.run({}, 2);
    const after = await model.parameters.read();
    for (const name of ["head.weight", "head_dist.weight", "dist_token"]) {
      expect(after.get(name)!.data, name).not.toEqual(before.get(name)!.data);
    }
    expect((await evaluate(model, quadrantData(8, 1))).examples).toBe(8);
    model.release();
  });
});

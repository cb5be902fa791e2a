import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { map, sum, Tensor } from "../../src/tensor/index.js";
import { evaluate, type StepReport, Trainer, type TrainingStep, type TrainOptions } from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const OPTIONS: TrainOptions = { epochs: 1, batchSize: 8, learningRate: 3e-3, seed: 5, labelSmoothing: 0.1 };

async function weightsAfter(changes: Partial<TrainOptions>, steps = 3) {
  const model = tinyViT(gpu);
  const losses: number[] = [];
  using trainer = new Trainer(model, quadrantData(64, 3), { ...OPTIONS, ...changes });
  await trainer.run({ onStep: ({ loss }) => void losses.push(loss) }, steps);
  const weights = await model.parameters.read();
  model.release();
  return { weights, losses };
}

test("the default objective is the step's loss, computed once however often it is read", async () => {
  const read: boolean[] = [];
  const objective = (step: TrainingStep) => {
    const { loss } = step;
    read.push(loss === step.loss);
    return loss;
  };
  expect(await weightsAfter({ objective })).toEqual(await weightsAfter({}));
  expect(read).toEqual([true]); // recorded once, then replayed
});

test("a penalty adds its value to the report and its gradient to the step", async () => {
  const model = tinyViT(gpu);
  const { value } = model.parameters.get("head.weight");
  const penalty = () => sum(map("0.5 * w * w", { w: value }, { w: "w" }));
  const before = (await model.parameters.read()).get("head.weight")!.data;
  const half = before.reduce((total, w) => total + 0.5 * w * w, 0);
  const gradientOf = async (objective?: TrainOptions["objective"]) => {
    const seen = Tensor.zeros(gpu, value.shape);
    let report!: StepReport;
    const onGradients: TrainOptions["onGradients"] = (gradients) => {
      gpu.copy(gradients.get(value)!.buffer, seen.buffer, 4 * seen.size);
    };
    // A learning rate of almost nothing: the weights stay for the second training.
    const options = { ...OPTIONS, learningRate: 1e-30, objective, onGradients };
    using trainer = new Trainer(model, quadrantData(64, 3), options);
    await trainer.run({ onStep: (step) => void (report = step) }, 1);
    return { gradient: await seen.read(), loss: report.loss };
  };
  const plain = await gradientOf();
  const both = await gradientOf(({ loss }) =>
    map("loss + penalty", { loss, penalty: penalty() }, { loss: "1.0", penalty: "1.0" }),
  );
  expect(both.loss).toBeCloseTo(plain.loss + half, 5);
  both.gradient.forEach((g, i) => {
    expect(g).toBeCloseTo(plain.gradient[i] + before[i], 5);
  });
  model.release();
});

test("the training pass and evaluation take substitutes", async () => {
  const model = tinyViT(gpu);
  const data = quadrantData(64, 3);
  const forward = { activation: (x: Tensor) => map("0.0 * x", { x }, { x: "0.0" }) };
  const fc1 = "blocks.0.mlp.fc1.weight";
  const before = await model.parameters.read();
  const without = await evaluate(model, data, { forward });
  expect(without.loss).not.toBeCloseTo((await evaluate(model, data)).loss, 3);
  using trainer = new Trainer(model, data, { ...OPTIONS, forward, optimizer: { weightDecay: 0 } });
  await trainer.run({}, 2);
  const after = await model.parameters.read();
  expect(after.get(fc1)!.data).toEqual(before.get(fc1)!.data);
  expect(after.get("head.weight")!.data).not.toEqual(before.get("head.weight")!.data);
  model.release();
});

test("what beforeStep writes takes part in the step it is named for, recorded or replayed", async () => {
  const model = tinyViT(gpu);
  const factor = Tensor.zeros(gpu, [1]);
  const losses: number[] = [];
  const seen: number[] = [];
  const objective = ({ loss }: TrainingStep) => map("loss * factor", { loss, factor }, { loss: "factor" });
  using trainer = new Trainer(model, quadrantData(64, 3), { ...OPTIONS, objective, learningRate: 1e-30 });
  const beforeStep = (step: number) => {
    seen.push(step);
    factor.write(Float32Array.of(10 ** step));
  };
  await trainer.run({ beforeStep, onStep: ({ loss }) => void losses.push(loss) }, 3);
  expect(seen).toEqual([0, 1, 2]);
  for (const [step, loss] of losses.entries()) expect(Math.round(Math.log10(loss))).toBe(step);
  gpu.release(factor);
  model.release();
});

test("gates with gradients learn through onGradients", async () => {
  const model = tinyViT(gpu);
  const gate = Tensor.from(gpu, new Float32Array(32).fill(1));
  gate.requiresGradient = true;
  model.gates.set("blocks.0.mlp.neuron", gate);
  const seen = Tensor.zeros(gpu, gate.shape);
  const onGradients: TrainOptions["onGradients"] = (gradients) => {
    gpu.copy(gradients.get(gate)!.buffer, seen.buffer, 4 * seen.size);
  };
  using trainer = new Trainer(model, quadrantData(64, 3), { ...OPTIONS, onGradients });
  await trainer.run({}, 1);
  expect((await seen.read()).some((g) => g !== 0)).toBe(true);
  gpu.release(gate);
  model.release();
});

test("an objective that depends on no parameter is refused", async () => {
  const model = tinyViT(gpu);
  using trainer = new Trainer(model, quadrantData(64, 3), { ...OPTIONS, objective: () => Tensor.zeros(gpu, [1]) });
  await expect(trainer.run({}, 1)).rejects.toThrow(/expected a result that depends on a tensor with requiresGradient/);
  model.release();
});

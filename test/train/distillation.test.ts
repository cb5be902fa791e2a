import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { ViT } from "../../src/nn/index.js";
import { TrainingPass } from "../../src/nn/index.js";
import { backward, Tensor } from "../../src/tensor/index.js";
import {
  type DistillationOptions,
  distillation,
  Trainer,
  TrainingStep,
  type TrainOptions,
} from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const BATCH = 6;
const CLASSES = 4;
const OPTIONS: TrainOptions = { epochs: 1, batchSize: 8, learningRate: 3e-3, seed: 5 };

function logSoftmax(row: Float32Array, temperature: number): number[] {
  const scaled = Array.from(row, (value) => value / temperature);
  const total = Math.log(scaled.reduce((sum, value) => sum + Math.exp(value), 0));
  return scaled.map((value) => value - total);
}

const rowsOf = (logits: Float32Array): Float32Array[] =>
  Array.from({ length: BATCH }, (_, r) => logits.subarray(r * CLASSES, (r + 1) * CLASSES));

const crossEntropyOf = (logits: Float32Array, labels: ArrayLike<number>): number =>
  rowsOf(logits).reduce((sum, row, r) => sum - logSoftmax(row, 1)[labels[r]], 0) / BATCH;

const klOf = (logits: Float32Array, teacher: Float32Array, temperature: number): number => {
  const taught = rowsOf(teacher).map((row) => logSoftmax(row, temperature));
  const rows = rowsOf(logits).map((row, r) => {
    const learnt = logSoftmax(row, temperature);
    return taught[r].reduce((sum, logP, c) => sum + Math.exp(logP) * (logP - learnt[c]), 0);
  });
  return (temperature ** 2 * rows.reduce((sum, value) => sum + value, 0)) / BATCH;
};

const classesOf = (logits: Float32Array): number[] => rowsOf(logits).map((row) => row.indexOf(Math.max(...row)));

/** The objective of one batch, what the model and the teacher said to it, and whose gradients there are. */
async function measure(student: ViT, options: DistillationOptions) {
  const images = Tensor.from(gpu, normals(BATCH * 64, 9), [BATCH, 1, 8, 8]);
  const labels = Uint32Array.of(0, 3, 1, 1, 2, 0);
  const output = student.forward(images, { training: new TrainingPass(Tensor.zeros(gpu, [2], "u32")) });
  const step = new TrainingStep(images, Tensor.from(gpu, labels), output, 0);
  const objective = distillation(student, options)(step);
  const gradients = backward(objective);
  const [value] = await objective.read();
  const teacher = await options.teacher.forward(images).logits.read();
  const logits = await output.logits.read();
  return { value, labels, logits, second: await output.distillation?.read(), teacher, gradients };
}

describe("the objective in float64", () => {
  const teacherOf = () => tinyViT(gpu, 7, { embed_dim: 32, num_heads: 4 });

  test.each([
    [1, 0.5],
    [3, 0.1],
    [2, 1],
    [3, 0],
  ])("soft, T %s, weight %s", async (temperature, weight) => {
    const [student, teacher] = [tinyViT(gpu), teacherOf()];
    const seen = await measure(student, { teacher, kind: "soft", temperature, weight });
    const { value, labels, logits } = seen;
    const want = (1 - weight) * crossEntropyOf(logits, labels) + weight * klOf(logits, seen.teacher, temperature);
    expect(value).toBeCloseTo(want, 5);
    for (const { value } of student.parameters) expect(seen.gradients.get(value)).toBeDefined();
    for (const { value } of teacher.parameters) expect(seen.gradients.get(value)).toBeUndefined();
    for (const model of [student, teacher]) model.release();
  });

  test("hard", async () => {
    const [student, teacher] = [tinyViT(gpu), teacherOf()];
    const { value, labels, logits, ...seen } = await measure(student, { teacher, kind: "hard", weight: 0.3 });
    const want = 0.7 * crossEntropyOf(logits, labels) + 0.3 * crossEntropyOf(logits, classesOf(seen.teacher));
    expect(value).toBeCloseTo(want, 5);
    for (const model of [student, teacher]) model.release();
  });

  test.each(["soft", "hard"] as const)("%s: the second head of a distilled model learns the teacher", async (kind) => {
    const [student, teacher] = [tinyViT(gpu, 2, { distilled: true }), teacherOf()];
    const { value, labels, logits, second, ...seen } = await measure(student, { teacher, kind, temperature: 2 });
    const taught = kind === "soft" ? klOf(second!, seen.teacher, 2) : crossEntropyOf(second!, classesOf(seen.teacher));
    expect(value).toBeCloseTo(0.5 * crossEntropyOf(logits, labels) + 0.5 * taught, 5);
    for (const model of [student, teacher]) model.release();
  });
});

test("classifiers behind some blocks go on learning the labels", async () => {
  const [student, teacher] = [tinyViT(gpu, 1, { exits: [1] }), tinyViT(gpu, 7)];
  const { gradients } = await measure(student, { teacher, kind: "soft" });
  const exit = await gradients.get(student.parameters.get("exits.1.head.weight").value)!.read();
  expect(exit.some((g) => g !== 0)).toBe(true);
  for (const model of [student, teacher]) model.release();
});

test("a student comes nearer to its teacher, which stays as it is", async () => {
  const [student, teacher] = [tinyViT(gpu, 1), tinyViT(gpu, 7)];
  const data = quadrantData(64, 3);
  const before = await teacher.parameters.read();
  const losses: number[] = [];
  const objective = distillation(student, { teacher, kind: "soft", weight: 1 });
  using trainer = new Trainer(student, data, { ...OPTIONS, epochs: 6, objective });
  await trainer.run({ onStep: ({ loss }) => void losses.push(loss) });
  expect(losses.at(-1)).toBeLessThan(0.1 * losses[0]);
  expect(await teacher.parameters.read()).toEqual(before);
  for (const model of [student, teacher]) model.release();
});

test("a teacher without difference teaches nothing new: no loss, no gradient", async () => {
  const [student, teacher] = [tinyViT(gpu), tinyViT(gpu)];
  const { value, gradients } = await measure(student, { teacher, kind: "soft", weight: 1, temperature: 3 });
  expect(Math.abs(value)).toBeLessThan(1e-6);
  const gradient = await gradients.get(student.parameters.get("head.weight").value)!.read();
  expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-6);
  for (const model of [student, teacher]) model.release();
});

test("wrong options are named", () => {
  const [student, teacher] = [tinyViT(gpu), tinyViT(gpu)];
  const ask = (options: Partial<DistillationOptions>) => () =>
    distillation(student, { teacher, kind: "soft", ...options });
  expect(ask({ weight: 1.5 })).toThrow(/distillation: expected a weight from 0 to 1, got 1.5/);
  expect(ask({ temperature: 0 })).toThrow(/distillation: expected a temperature above 0, got 0/);
  const others = tinyViT(gpu, 1, { num_classes: 5 });
  expect(ask({ teacher: others })).toThrow(/teacher: expected \[1,8,8\] to 4 classes.*got \[1,8,8\] to 5 classes/);
  for (const model of [student, teacher, others]) model.release();
});

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseSafetensors } from "../../src/io/index.js";
import { MetricsMeter } from "../../src/train/metrics.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = place.model();
const data = place.data();
/** Weights that training left, with biases that are not zero. */
const tuned = place.path("tuned");
beforeAll(() => cliJson(["train", model, "--data", data, "--epochs", "2", "--batch", "8", "--out", tuned]));

const tensors = (name: string) => parseSafetensors(readFileSync(place.path(name)), name).tensors;

describe("secateur saliency", () => {
  it("scores every parameter", async () => {
    const out = place.path("scores.safetensors");
    const result = await cliJson(["saliency", model, "--criterion", "magnitude", "--out", out]);
    const weights = parseSafetensors(readFileSync(`${model}/model.safetensors`), "").tensors;
    const scores = tensors("scores.safetensors");
    expect([...scores.keys()].sort()).toEqual([...weights.keys()].sort());
    for (const [name, { shape, data }] of weights) {
      expect(scores.get(name)!.shape).toEqual(shape);
      expect(scores.get(name)!.data).toEqual((data as Float32Array).map(Math.abs));
    }
    expect(result).toMatchObject({ criterion: "magnitude", images: 0, tensors: weights.size });
  });

  it("scores units, and the same file twice", async () => {
    const args = [
      "saliency",
      model,
      "--criterion",
      "taylor",
      "--calibration",
      data,
      "--granularity",
      "neuron",
      "--out",
    ];
    await cliJson([...args, place.path("a.safetensors")]);
    await cliJson([...args, place.path("b.safetensors")]);
    expect(readFileSync(place.path("b.safetensors"))).toEqual(readFileSync(place.path("a.safetensors")));
    expect([...tensors("a.safetensors")].map(([name, { shape }]) => [name, shape])).toEqual([
      ["blocks.0.mlp.neuron", [64]],
      ["blocks.1.mlp.neuron", [64]],
    ]);
  });
});

describe("secateur eval", () => {
  it("measures what its logits say", async () => {
    const out = place.path("logits.safetensors");
    const { top1, top5, loss, examples, imagesPerSecond } = await cliJson([
      "eval",
      model,
      "--data",
      data,
      "--batch",
      "7",
      "--logits",
      out,
    ]);
    const logits = tensors("logits.safetensors").get("logits")!;
    const labels = tensors("logits.safetensors").get("labels")!.data as BigInt64Array;
    expect(logits.shape).toEqual([24, 3]);
    const rows = Array.from({ length: 24 }, (_, row) =>
      Array.from((logits.data as Float32Array).slice(row * 3, row * 3 + 3)),
    );
    const right = rows.filter((row, i) => row.indexOf(Math.max(...row)) === Number(labels[i])).length;
    const losses = rows.map(
      (row, i) => Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0)) - row[Number(labels[i])],
    );
    expect(top1).toBeCloseTo(right / 24, 10);
    expect(top5).toBe(1);
    expect(loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 24, 6);
    expect(examples).toBe(24);
    expect(imagesPerSecond).toBeGreaterThan(0);
  });

  it("times whole batches without the first, which compiles", async () => {
    const batchSeconds = [9, 1, 3, 5];
    let now = 0;
    using _clock = vi.spyOn(performance, "now").mockImplementation(() => now);
    const add = MetricsMeter.prototype.add;
    using _meter = vi.spyOn(MetricsMeter.prototype, "add").mockImplementation(function (this: MetricsMeter, ...batch) {
      now += 1000 * batchSeconds.shift()!;
      add.apply(this, batch);
    });
    const { imagesPerSecond, seconds } = await cliJson(["eval", model, "--data", data, "--batch", "7"]);
    expect(seconds).toBe(9 + 1 + 3 + 5);
    expect(imagesPerSecond).toBeCloseTo((2 * 7) / (1 + 3), 10);
  });

  it("times a single batch with all that it compiles", async () => {
    const { imagesPerSecond, seconds } = await cliJson(["eval", model, "--data", data, "--batch", "24"]);
    expect(imagesPerSecond).toBeCloseTo(24 / seconds, 10);
  });

  it("prints a few lines for people", async () => {
    const { exitCode, stdout, stderr } = await cli(["eval", model, "--data", data]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^model on 24 images of .+\ntop-1 [\d.]+% {2}top-5 100.00% {2}loss [\d.]+ {2}[\d.,]+ images a second\n$/,
    );
    expect(stderr).toBe("");
  });
});

describe("secateur info", () => {
  it("counts parameters, FLOPs and density without a device", async () => {
    const { exitCode, stdout } = await cli(["info", model, "--json"], { openGpu: noGpu });
    expect(exitCode).toBe(0);
    const info = JSON.parse(stdout);
    // 12 d^2 weights and 9 d biases a block and 4 d of norms; patches, class token, positions, norm and head.
    const dense = 2 * (12 * 256 + 13 * 16) + (16 * 16 + 16) + 16 + 5 * 16 + 2 * 16 + (3 * 16 + 3);
    expect(info.parameters).toEqual({ dense, kept: dense });
    expect(info.flops.dense).toBe(2 * (4 * 256 + 5 * 2 * 12 * 256 + 3 * 16) + 2 * 4 * 25 * 16);
    expect(info.density).toBe(1);
    expect(info.layers).toHaveLength(10);
  });

  it("shows what masks remove", async () => {
    const out = place.path("pruned");
    await cliJson(["prune", model, "--method", "magnitude", "--sparsity", "0.5", "--out", out]);
    const byMasks = await cliJson(["info", model, "--masks", `${out}/masks.safetensors`]);
    const byZeros = await cliJson(["info", out]);
    expect(byMasks.layers).toEqual(byZeros.layers);
    expect(byZeros.parameters.dense - byZeros.parameters.kept).toBe(12 * 256);
  });
});

describe("secateur info and the report", () => {
  it.each(["neuron", "head", "weight"])("agree on what is kept of %ss", async (granularity) => {
    const out = place.path(`kept-${granularity}`);
    const args = ["--method", "magnitude", "--sparsity", "0.5", "--granularity", granularity, "--out", out];
    const { parameters, flops } = await cliJson(["prune", tuned, ...args]);
    const byMasks = await cliJson(["info", tuned, "--masks", `${out}/masks.safetensors`]);
    const byZeros = await cliJson(["info", out]);
    for (const info of [byMasks, byZeros]) {
      expect(info.parameters).toEqual({ dense: parameters.dense, kept: parameters.pruned });
      expect(info.flops).toEqual({ dense: flops.dense, kept: flops.pruned });
    }
  });
});

describe("secateur doctor", () => {
  it("says which adapter is used and why", async () => {
    const result = await cliJson(["doctor"]);
    expect(result.used.reason).not.toBe("");
    expect(result.used.limits.maxBufferSize).toBeGreaterThan(0);
    expect(result.adapters.length).toBeGreaterThan(0);
  });

  it("ends with exit code 2 and a remedy when there is none", async () => {
    const { exitCode, stdout } = await cli(["doctor"], { openGpu: noGpu });
    expect(exitCode).toBe(2);
    expect(stdout).toContain("no adapter can be used: a device was opened");
    expect(stdout).toMatch(/^remedy: .+/m);
  });
});

/** Methods that train between their rounds, and pruning at initialisation, from a config alone. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { Gpu } from "../../src/gpu/index.js";
import { encodeCheckpoint, type MlpConfig, parseModelConfig, parseSafetensors, subset } from "../../src/io/index.js";
import { openDataset } from "../../src/io/node/index.js";
import { architectureOf, createModel, initialMlpWeights } from "../../src/nn/index.js";
import { criterionByName, parseMasks, prune } from "../../src/prune/index.js";
import { Trainer } from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const SEED = 3;
const rawConfig = { architecture: "mlp", inputs: 64, hidden: [24, 16], num_classes: 3 };
const config = parseModelConfig(rawConfig, "mlp") as MlpConfig;
const start = place.write("start/config.json", JSON.stringify(rawConfig));
const data = place.data();
/** Classes in no order. */
const shuffled = place.data("shuffled.safetensors", 40, [2, 0, 0, 1, 2, 2, 1]);
/** Both hidden layers; the classifier is left alone. */
const PRUNABLE = 24 * 64 + 16 * 24;

const fresh = initialMlpWeights(config, SEED);
for (const [file, bytes] of encodeCheckpoint({
  config,
  rawConfig,
  naming: "timm",
  weights: fresh,
  metadata: new Map(),
})) {
  place.write(`fresh/${file}`, bytes);
}

const training = ["--batch", "8", "--lr", "0.02", "--epochs", "4", "--seed", String(SEED)];
const STEPS = 12;
const imp = (out: string, ...more: string[]) => [
  ...["prune", start, "--method", "imp", "--train", data, ...training, "--sparsity", "0.75", "--rounds", "2"],
  ...["--out", place.path(out), ...more],
];

const weightsOf = (folder: string) =>
  new Map(
    [...parseSafetensors(readFileSync(place.path(folder, "model.safetensors")), folder).tensors].map(
      ([name, { data }]) => [name, data as Float32Array],
    ),
  );
const masksOf = (folder: string) => parseMasks(readFileSync(place.path(folder, "masks.safetensors")), folder);
const masked = (name: string, values: Float32Array, folder: string) => {
  const bits = masksOf(folder).get(name)?.data;
  return bits ? values.map((value, i) => (bits[i] ? value : 0)) : values;
};

describe("secateur prune --method imp", () => {
  it("ends with the masks of training, pruning and rewinding by hand, over the weights before training", async () => {
    const { accuracy, warnings, method } = await cliJson(imp("ticket", "--data", data));
    expect(method).toBe("imp");
    expect(accuracy.dense.top1).toBeLessThan(0.9); // of fresh weights
    expect(warnings).toEqual([expect.stringContaining("those before training")]);

    const path = (name: string) => place.path(name);
    const by = (model: string, sparsity: string, out: string) =>
      cliJson(["prune", path(model), "--method", "magnitude", "--sparsity", sparsity, "--out", path(out)]);
    await cliJson(["train", start, "--data", data, ...training, "--out", path("trained-1")]);
    await by("trained-1", "0.5", "pruned-1");
    const held = ["--masks", path("pruned-1/masks.safetensors"), "--warmup", "0.05", "--label-smoothing", "0.1"];
    await cliJson(["finetune", path("fresh"), "--data", data, ...training, ...held, "--out", path("trained-2")]);
    await by("trained-2", "0.75", "pruned-2");
    expect(masksOf("ticket")).toEqual(masksOf("pruned-2"));

    const report = JSON.parse(readFileSync(path("ticket/report.json"), "utf8"));
    expect(report.runs[0].criterion).toBe("magnitude");
    expect(report.runs[0].rounds.map((round: { kept: number }) => round.kept)).toEqual([PRUNABLE / 2, PRUNABLE / 4]);
    expect(report.settings.finetune).toMatchObject({ epochs: 4, batch: 8, lr: 0.02, rewindStep: 0 });
    for (const [name, values] of weightsOf("ticket")) {
      expect(values, name).toEqual(masked(name, fresh.get(name)!.data, "ticket"));
    }
  });

  it("gives a ticket that learns", async () => {
    const mask = ["--masks", place.path("ticket/masks.safetensors")];
    const more = ["--data", data, "--test", data, ...training, ...mask, "--out", place.path("learned")];
    const { log } = await cliJson(["finetune", place.path("ticket"), ...more]);
    expect(log.at(-1).test.top1).toBeGreaterThan(0.9);
  });

  it("rewinds to a later step, from which the schedule goes on", async () => {
    const step = 5;
    const { stderr, exitCode } = await cli(imp("late", "--rewind-step", String(step)));
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^training 1 of 2, density 100.00%: loss [\d.]+\ntraining 2 of 2, density 50.00%: loss/);

    const gpu = await sharedGpu();
    const model = createModel(gpu, config, fresh);
    const dataset = await openDataset(data, config);
    const options = { epochs: 4, batchSize: 8, learningRate: 0.02, labelSmoothing: 0.1, seed: SEED };
    using trainer = new Trainer(model, dataset, options);
    await trainer.run({}, step);
    const early = await model.parameters.read();
    for (const [name, values] of weightsOf("late")) {
      expect(values, name).toEqual(masked(name, early.get(name)!.data, "late"));
    }
    model.release();
    expect(masksOf("late")).not.toEqual(masksOf("ticket"));
  });

  it("ends with the same bytes after it was stopped and resumed", async () => {
    const args = (out: string, ...more: string[]) => imp(out, "--rounds", "3", "--rewind-step", "2", ...more);
    await cliJson(args("whole"));
    const whole = place.files("whole");
    const early = new AbortController();
    const openGpu = async () => {
      early.abort(new Error("stopped"));
      return Gpu.from((await sharedGpu()).device);
    };
    expect((await cli(args("parts"), { signal: early.signal, openGpu })).exitCode).not.toBe(0);
    expect(existsSync(place.path("parts"))).toBe(false);
    const none = await cli(args("parts", "--resume"));
    expect(none.stderr).toMatch(/resume: expected .*state.safetensors of an interrupted run, got none/);

    for (const [trainings, held] of [
      [1, "the first training"],
      [2, "1 round"],
      [3, "2 rounds"],
    ] as const) {
      const controller = new AbortController();
      const written: string[] = [];
      const stderr = {
        write: (text: string) => {
          written.push(text);
          if (text.startsWith(`training ${trainings} of 3, density`)) controller.abort(new Error("stopped"));
        },
      };
      expect((await cli(args("parts"), { signal: controller.signal, stderr })).exitCode).not.toBe(0);
      expect(written.at(-2)).toContain(`state.safetensors holds ${held}; the same command with --resume`);
      expect([...place.files("parts").keys()]).toEqual(["state.safetensors"]);
      const other = await cli(args("parts", "--resume", "--lr", "0.01"));
      expect(other.stderr).toContain("expected a state with the same model, data and training, got one with others");
      await cliJson(args("parts", "--resume"));
      expect(place.files("parts")).toEqual(whole);
      rmSync(place.path("parts"), { recursive: true });
    }
  });

  const by = (method: string, ...more: string[]) => [
    ...["prune", start, "--method", method, "--sparsity", "0.5", "--out", place.path("none"), ...more],
  ];
  it.each([
    ["imp: expected data to train on, got none; give --train DATA", by("imp")],
    ["train: expected a method that trains (imp, upop, ", by("magnitude", "--train", data)],
    [
      "rewind-step: expected a method that trains around its rounds (imp), got magnitude; leave --rewind-step out",
      by("magnitude", "--rewind-step", "3"),
    ],
    ["label-smoothing: expected a method that trains (imp, ", by("magnitude", "--label-smoothing", "0")],
    ["min-lr: expected at most the highest learning rate, 0.02, got 1", imp("none", "--min-lr", "1")],
    ["batch: expected at most the 24 examples", imp("none", "--batch", "25")],
    [
      `rewind-step: expected one of the ${STEPS} steps of a training, from 0, got 12`,
      imp("none", "--rewind-step", "12"),
    ],
    ["choose another path", imp("none", "--out", data)],
  ])("refuses: %s", async (message, args) => {
    const { exitCode, stderr } = await cli(args, { openGpu: noGpu });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^secateur: [^\n]+\n$/);
    expect(exitCode).toBe(2);
  });
});

describe("imp of a network with batch norm", () => {
  it("takes running statistics back too, which training moves", async () => {
    const resnet = { architecture: "resnet20", img_size: 8, in_chans: 1, num_classes: 3 };
    const path = place.write("resnet/config.json", JSON.stringify(resnet));
    const args = ["prune", path, "--method", "imp", "--train", data, "--batch", "8", "--epochs", "1", "--rounds", "2"];
    await cliJson([...args, "--sparsity", "0.5", "--out", place.path("resnet-ticket")]);
    const network = parseModelConfig(resnet, "resnet");
    const before = architectureOf(network).initialWeights(0);
    const after = weightsOf("resnet-ticket");
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [name, values] of after) {
      expect(values, name).toEqual(masked(name, before.get(name)!.data, "resnet-ticket"));
    }
  });
});

describe("pruning at initialisation", () => {
  it.each(["magnitude", "snip"])("starts %s from a config with the weights that train starts from", async (method) => {
    const more = ["--method", method, "--sparsity", "0.5", "--calibration", data, "--seed", String(SEED)];
    await cliJson(["prune", start, ...more, "--out", place.path("from-config")]);
    await cliJson(["prune", place.path("fresh"), ...more, "--out", place.path("from-weights")]);
    expect(masksOf("from-config")).toEqual(masksOf("from-weights"));
    expect(weightsOf("from-config")).toEqual(weightsOf("from-weights"));
    await cliJson(["prune", start, ...more, "--seed", "4", "--out", place.path("from-config")]);
    expect(masksOf("from-config")).not.toEqual(masksOf("from-weights"));
  });

  it("ends with the command that trains what is left of the fresh weights, and works", async () => {
    const out = place.path("hinted");
    const more = ["--method", "magnitude", "--sparsity", "0.5", "--data", data, "--seed", String(SEED), "--out", out];
    const { stdout } = await cli(["prune", start, ...more]);
    const [, command] = /The weights are fresh ones of seed 3; `secateur (.+)` trains them\.\n$/.exec(stdout)!;
    expect(command).toMatch(`finetune ${out} --masks ${out}/masks.safetensors --data DATA --epochs 10 --lr 0.001`);
    const args = command.split(" ").map((part) => ({ DATA: data, TRAINED: place.path("hint-tuned") })[part] ?? part);
    const { log } = await cliJson([...args, "--batch", "8"]);
    expect(log).toHaveLength(10);
    expect((await cli(["prune", place.path("fresh"), ...more])).stdout).not.toContain("fresh ones");
  });

  it.each([
    ["global", []],
    ["layer", []],
    ["global", ["--monotone"]],
    ["global", ["--no-monotone"]],
  ] as const)("hands rounds, scope %s, examples and the authors' rule on to the engine %s", async (scope, more) => {
    const options = ["--reference", "--rounds", "5", "--scope", scope, "--examples-per-class", "3", "--batch", "4"];
    const args = ["prune", place.path("fresh"), "--method", "snip", "--sparsity", "0.9", "--calibration", shuffled];
    await cliJson([...args, ...options, ...more, "--out", place.path("by-options")]);

    const all = await openDataset(shuffled, config);
    const chosen = [0, 1, 2].flatMap((label) =>
      [...all.labels.keys()].filter((i) => all.labels[i] === label).slice(0, 3),
    );
    const model = createModel(await sharedGpu(), config, fresh);
    const { masks } = await prune(model, {
      saliency: criterionByName("snip"),
      sparsity: 0.9,
      rounds: 5,
      scope,
      reference: true,
      monotone: more[0] === "--monotone",
      calibration: subset(
        all,
        chosen.sort((a, b) => a - b),
      ),
      batchSize: 4,
    });
    expect(masksOf("by-options")).toEqual(masks);
    model.release();
  });
});

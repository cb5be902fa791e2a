import { existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { Interrupted } from "../../src/cli/failure.js";
import { Gpu } from "../../src/gpu/index.js";
import { type HostTensor, parseSafetensors } from "../../src/io/index.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = place.model("model", {}, new Map([["origin", "test"]]));
const data = place.data();
const test = place.data("test.safetensors", 12);

const tensors = (...parts: string[]): Map<string, HostTensor> =>
  parseSafetensors(readFileSync(place.path(...parts)), parts.join("/")).tensors;
const prune = (out: string, ...args: string[]) => [
  "prune",
  model,
  "--calibration",
  data,
  "--batch",
  "8",
  "--out",
  place.path(out),
  ...args,
];
const zeros = (values: ArrayLike<number>): number => Array.from(values).filter((value) => value === 0).length;

/** Weights of all linear layers of the two blocks. */
const PRUNABLE = 2 * 12 * 16 * 16;

describe("secateur prune", () => {
  it("writes a model, masks, scores and a report that agree", async () => {
    const result = await cliJson(prune("taylor", "--method", "taylor", "--sparsity", "0.3", "--data", test));
    expect([...place.files("taylor").keys()]).toEqual([
      "config.json",
      "masks.safetensors",
      "model.safetensors",
      "report.html",
      "report.json",
      "scores.safetensors",
    ]);
    expect(result.units).toEqual({ total: PRUNABLE, pruned: Math.floor(0.3 * PRUNABLE) });
    expect(result.accuracy.pruned.examples).toBe(12);

    const [dense, pruned] = [tensors("model", "model.safetensors"), tensors("taylor", "model.safetensors")];
    const [masks, scores] = [tensors("taylor", "masks.safetensors"), tensors("taylor", "scores.safetensors")];
    expect([...pruned.keys()].sort()).toEqual([...dense.keys()].sort());
    expect([...masks.keys()].sort()).toEqual([...scores.keys()].sort());
    let removed = 0;
    let [highestRemoved, lowestKept] = [-Infinity, Infinity];
    for (const [name, { data: values, shape }] of pruned) {
      const before = dense.get(name)!;
      expect(shape).toEqual(before.shape);
      const mask = masks.get(name);
      if (!mask) {
        expect(values).toEqual(before.data);
        continue;
      }
      expect(mask.dtype).toBe("U8");
      expect(mask.shape).toEqual(shape);
      expect(scores.get(name)!.shape).toEqual(shape);
      values.forEach((value, i) => {
        const score = Number(scores.get(name)!.data[i]);
        expect(value).toBe(mask.data[i] ? before.data[i] : 0);
        if (mask.data[i]) lowestKept = Math.min(lowestKept, score);
        else highestRemoved = Math.max(highestRemoved, score);
      });
      removed += zeros(mask.data as Uint8Array);
    }
    expect(removed).toBe(Math.floor(0.3 * PRUNABLE));
    expect(highestRemoved).toBeLessThanOrEqual(lowestKept);

    const report = JSON.parse(readFileSync(place.path("taylor", "report.json"), "utf8"));
    expect(report.runs[0].rounds).toEqual([
      { round: 1, targetDensity: 0.7, kept: PRUNABLE - removed, total: PRUNABLE, threshold: highestRemoved },
    ]);
    expect(report.runs[0].layers.reduce((sum: number, layer: { kept: number }) => sum + layer.kept, 0)).toBe(
      PRUNABLE - removed,
    );
    expect(report.data).toMatchObject({ calibration: { examples: 24 }, evaluation: { examples: 12 } });
    expect(report.warnings).toEqual([]);
    expect(JSON.parse(readFileSync(place.path("taylor", "config.json"), "utf8"))).toEqual(
      JSON.parse(readFileSync(place.path("model", "config.json"), "utf8")),
    );
    expect(parseSafetensors(readFileSync(place.path("taylor", "model.safetensors")), "").metadata.get("origin")).toBe(
      "test",
    );
  });

  it("evaluates a pruned folder as it was reported, with and without its masks", async () => {
    const out = place.path("again");
    const { accuracy } = await cliJson(prune("again", "--method", "magnitude", "--sparsity", "0.5", "--data", test));
    const plain = await cliJson(["eval", out, "--data", test]);
    const masked = await cliJson(["eval", model, "--data", test, "--masks", `${out}/masks.safetensors`]);
    for (const metrics of [plain, masked]) {
      expect(metrics.top1).toBe(accuracy.pruned.top1);
      expect(metrics.loss).toBeCloseTo(accuracy.pruned.loss, 5);
    }
  });

  it("gives the same bytes twice, wherever they go", async () => {
    const args = ["--method", "random", "--sparsity", "0.6", "--rounds", "2"];
    await cliJson(prune("first", ...args));
    await cliJson(prune("second", ...args));
    expect(place.files("second")).toEqual(place.files("first"));
    const command = JSON.parse(readFileSync(place.path("first", "report.json"), "utf8")).command;
    expect(command.slice(0, 2)).toEqual(["secateur", "prune"]);
  });

  it("changes random masks with the seed, and no others", async () => {
    const masks = async (method: string, seed: string) => {
      await cliJson(prune("seeded", "--method", method, "--sparsity", "0.5", "--seed", seed));
      return readFileSync(place.path("seeded", "masks.safetensors"));
    };
    expect(await masks("random", "1")).not.toEqual(await masks("random", "2"));
    expect(await masks("taylor", "1")).toEqual(await masks("taylor", "2"));
  });

  it("follows a schedule over rounds", async () => {
    await cliJson(prune("rounds", "--method", "snip", "--sparsity", "0.9", "--rounds", "3", "--schedule", "linear"));
    const { runs } = JSON.parse(readFileSync(place.path("rounds", "report.json"), "utf8"));
    const kept = runs[0].rounds.map((round: { kept: number }) => round.kept);
    expect(kept).toEqual([0.7, 0.4, 0.1].map((density) => PRUNABLE - Math.floor((1 - density) * PRUNABLE + 1e-6)));
  });

  it("removes whole heads with all of their weights", async () => {
    await cliJson(prune("heads", "--method", "taylor-squared", "--sparsity", "0.5", "--granularity", "head"));
    const scores = tensors("heads", "scores.safetensors");
    expect([...scores].map(([name, { shape }]) => [name, shape])).toEqual([
      ["blocks.0.attn.head", [2]],
      ["blocks.1.attn.head", [2]],
    ]);
    const masks = tensors("heads", "masks.safetensors");
    const masked = [...masks.values()].reduce((sum, { data }) => sum + zeros(data as Uint8Array), 0);
    // A head: 3 x 8 rows of 16 weights and a bias, and 8 columns of 16 weights.
    expect(masked).toBe(2 * (3 * 8 * 17 + 8 * 16));
    const { runs, model } = JSON.parse(readFileSync(place.path("heads", "report.json"), "utf8"));
    expect(runs[0].parameters).toBe(model.parameters - masked);
  });

  it.each([
    ["row", "layer"],
    ["neuron", "global"],
  ])("prunes by %s in scope %s", async (granularity, scope) => {
    const result = await cliJson(
      prune(granularity, "--method", "magnitude", "--sparsity", "0.5", "--granularity", granularity, "--scope", scope),
    );
    expect(result.units.pruned).toBe(result.units.total / 2);
  });

  it("leaves embedding and classifier alone unless asked", async () => {
    await cliJson(prune("more", "--method", "magnitude", "--sparsity", "0.5", "--include", "embedding,classifier"));
    const names = [...tensors("more", "masks.safetensors").keys()];
    expect(names).toContain("patch_embed.proj.weight");
    expect(names).toContain("head.weight");
    expect(tensors("more", "scores.safetensors").get("patch_embed.proj.weight")!.shape).toEqual([16, 1, 4, 4]);
  });

  it("calibrates on the first examples of each class", async () => {
    await cliJson(prune("few", "--method", "fisher", "--sparsity", "0.5", "--examples-per-class", "2"));
    const { data, warnings } = JSON.parse(readFileSync(place.path("few", "report.json"), "utf8"));
    expect(data.calibration).toMatchObject({ examples: 6, classes: 3 });
    expect(warnings).toEqual([expect.stringContaining("measured on the calibration images")]);
  });

  it("needs no data for magnitude", async () => {
    const args = ["prune", model, "--method", "magnitude", "--sparsity", "0.5", "--out", place.path("blind")];
    const { accuracy } = await cliJson(args);
    expect(accuracy).toEqual({ dense: null, pruned: null, finetuned: null });
  });

  it.each([
    ["vit", {}],
    ["deit", { architectures: ["DeiTForImageClassificationWithTeacher"] }],
  ])("keeps Hugging Face's names of a %s", async (family, more) => {
    const named = place.path(family);
    const pruned = place.path(`${family}-pruned`);
    const config = {
      model_type: family,
      image_size: 8,
      patch_size: 4,
      num_channels: 1,
      hidden_size: 16,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 64,
      num_labels: 3,
      hidden_act: "gelu",
      layer_norm_eps: 1e-6,
      ...more,
    };
    const start = place.write(`${family}-config/config.json`, JSON.stringify(config));
    await cliJson(["train", start, "--data", data, "--epochs", "0.05", "--batch", "8", "--out", named]);
    const method = ["--method", "taylor", "--sparsity", "0.5", "--calibration", data];
    await cliJson(["prune", named, ...method, "--out", pruned]);
    const names = [...tensors(`${family}-pruned`, "masks.safetensors").keys()];
    expect(names).toContain(`${family}.encoder.layer.0.attention.attention.query.weight`);
    expect(names.sort()).toEqual([...tensors(`${family}-pruned`, "scores.safetensors").keys()].sort());
    const [before, after] = [tensors(family, "model.safetensors"), tensors(`${family}-pruned`, "model.safetensors")];
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    expect(after.has("distillation_classifier.weight")).toBe(family === "deit");
    const byMasks = await cliJson(["eval", named, "--data", data, "--masks", `${pruned}/masks.safetensors`]);
    const byZeros = await cliJson(["eval", pruned, "--data", data]);
    expect(byZeros.loss).toBeCloseTo(byMasks.loss, 6);
  });

  it("prunes norms and biases when asked, weight by weight", async () => {
    await cliJson(
      prune("vectors", "--method", "magnitude", "--sparsity", "0.5", "--include", "norms", "--include", "biases"),
    );
    const names = [...tensors("vectors", "masks.safetensors").keys()];
    expect(names).toContain("blocks.0.norm1.weight");
    expect(names).toContain("blocks.1.mlp.fc2.bias");
    expect(names).not.toContain("head.bias");
    const args = prune("rows", "--method", "magnitude", "--sparsity", "0.5", "--granularity", "row");
    const { exitCode, stderr } = await cli([...args, "--include", "norms"], { openGpu: noGpu });
    expect(stderr).toContain("include: expected embedding, classifier with granularity row, got norms; leave it out");
    expect(exitCode).toBe(2);
  });

  it("writes nothing when it is stopped in its first round", async () => {
    const controller = new AbortController();
    const openGpu = () => {
      controller.abort(new Interrupted("SIGINT", 130));
      return Gpu.create();
    };
    const args = prune("stopped", "--method", "taylor", "--sparsity", "0.5");
    const { exitCode } = await cli(args, { signal: controller.signal, openGpu });
    expect(exitCode).toBe(130);
    expect(existsSync(place.path("stopped"))).toBe(false);
  });

  it("resumes an interrupted run to the same bytes", async () => {
    const args = (out: string) => prune(out, "--method", "snip", "--sparsity", "0.9", "--rounds", "30", "--data", test);
    const state = place.path("resumed/state.safetensors");
    await cliJson(args("whole"));
    for (const attempt of [1, 2]) {
      const controller = new AbortController();
      const watch = setInterval(() => {
        if (existsSync(state) && Math.random() < 0.1) controller.abort(new Interrupted("SIGINT", 130));
      }, 5);
      const { exitCode, stderr } = await cli(args("resumed"), { signal: controller.signal });
      clearInterval(watch);
      expect(exitCode, `attempt ${attempt}`).toBe(130);
      expect(stderr).toMatch(/state.safetensors holds \d+ rounds?; the same command with --resume goes on from there/);
      expect([...place.files("resumed").keys()]).toEqual(["state.safetensors"]);
      const other = await cli([...args("resumed"), "--resume", "--seed", "5"]);
      expect(other.stderr).toContain("resume: expected a state with seed 5, got 0");
      await cliJson([...args("resumed"), "--resume"]);
      const [whole, resumed] = [place.files("whole"), place.files("resumed")];
      expect([...resumed.keys()]).toEqual([...whole.keys()]);
      for (const name of whole.keys()) {
        expect(Buffer.compare(resumed.get(name)!, whole.get(name)!), name).toBe(0);
      }
      rmSync(place.path("resumed"), { recursive: true });
    }
    const none = await cli([...args("fresh"), "--resume"]);
    expect(none.stderr).toMatch(
      /resume: expected .*state.safetensors of an interrupted run, got none; leave --resume out/,
    );
  });

  it("keeps patterns, floors and multiples, and removes blocks", async () => {
    await cliJson(prune("pattern", "--method", "wanda", "--pattern", "2:4"));
    for (const { data: bits } of tensors("pattern", "masks.safetensors").values()) {
      const runs = Array.from({ length: bits.length / 4 }, (_, run) =>
        zeros((bits as Uint8Array).subarray(4 * run, 4 * run + 4)),
      );
      expect(new Set(runs)).toEqual(new Set([2]));
    }
    await cliJson(
      prune(
        "multiple",
        "--method",
        "taylor",
        "--granularity",
        "neuron",
        "--sparsity",
        "0.4",
        "--multiple-of",
        "8",
        "--floor",
        "0.5",
      ),
    );
    for (const name of ["blocks.0.mlp.fc1.bias", "blocks.1.mlp.fc1.bias"]) {
      const bits = tensors("multiple", "masks.safetensors").get(name)!.data as Uint8Array;
      const kept = bits.length - zeros(bits);
      expect(kept % 8).toBe(0);
      expect(kept).toBeGreaterThanOrEqual(bits.length / 2);
    }
    await cliJson(prune("blocks", "--method", "magnitude", "--granularity", "8x16", "--sparsity", "0.5"));
    for (const [name, { data: bits, shape }] of tensors("blocks", "masks.safetensors")) {
      const blocks = new Map<number, Set<number>>();
      (bits as Uint8Array).forEach((bit, i) => {
        const [row, column] = [Math.floor(i / shape[1]), i % shape[1]];
        const block = Math.floor(row / 8) * shape[1] + Math.floor(column / 16);
        blocks.set(block, (blocks.get(block) ?? new Set()).add(bit));
      });
      for (const values of blocks.values()) expect(values.size, name).toBe(1);
    }
  });

  it("says that the device was lost in the middle of the work", async () => {
    let gpu: Gpu | undefined;
    const openGpu = async () => (gpu = await Gpu.create());
    const written: string[] = [];
    const stderr = {
      isTTY: true,
      write: (text: string) => {
        written.push(text);
        gpu?.device.destroy();
      },
    };
    const args = prune("lost-later", "--method", "taylor", "--sparsity", "0.5", "--rounds", "100000");
    const { exitCode } = await cli(args, { openGpu, stderr });
    expect(written.at(-1)).toMatch(/secateur: device lost: [^\n]+\n$/);
    expect(exitCode).toBe(2);
    expect(existsSync(place.path("lost-later"))).toBe(false);
  });

  it("says that the device was lost", async () => {
    const openGpu = async () => {
      const gpu = await Gpu.create();
      gpu.device.destroy();
      await gpu.device.lost;
      return gpu;
    };
    const { exitCode, stderr } = await cli(prune("lost", "--method", "taylor", "--sparsity", "0.5"), { openGpu });
    expect(stderr).toMatch(/^secateur: device lost: [^\n]+\n$/);
    expect(exitCode).toBe(2);
    expect(existsSync(place.path("lost"))).toBe(false);
  });
});

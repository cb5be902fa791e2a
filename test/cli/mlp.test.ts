/** Every command that works on models, on an MLP. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseMasks } from "../../src/prune/index.js";
import { missing, sharedPath } from "../harness/shared.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const config = { architecture: "mlp", inputs: 64, hidden: [24, 16], num_classes: 3 };
const start = place.write("start/config.json", JSON.stringify(config));
const data = place.data();
const trained = place.path("trained");
const training = ["--data", data, "--batch", "8", "--lr", "0.02"];

const masksOf = (folder: string) => parseMasks(readFileSync(`${folder}/masks.safetensors`), folder);

describe("an MLP", () => {
  it("is trained, measured, pruned and finetuned", async () => {
    const { log } = await cliJson(["train", start, ...training, "--epochs", "8", "--test", data, "--out", trained]);
    expect(log.at(-1).loss).toBeLessThan(log[0].loss);
    const dense = await cliJson(["eval", trained, "--data", data]);
    expect(dense.top1).toBe(log.at(-1).test.top1);
    expect(dense.top1).toBeGreaterThan(0.9);

    const out = place.path("pruned");
    const pruning = ["--method", "taylor", "--sparsity", "0.5", "--calibration", data, "--out", out];
    const pruned = await cliJson(["prune", trained, ...pruning]);
    // Both hidden layers; the classifier is left alone.
    const total = 24 * 64 + 16 * 24;
    const masks = masksOf(out);
    expect([...masks.keys()]).toEqual(["lin.0.weight", "lin.1.weight"]);
    const kept = [...masks.values()].reduce((sum, { data }) => sum + data.reduce((a, b) => a + b, 0), 0);
    expect(kept).toBe(total / 2);
    expect(pruned.parameters.pruned).toBe(pruned.parameters.dense - total / 2);
    const measured = await cliJson(["eval", out, "--data", data]);
    const masked = await cliJson(["eval", trained, "--data", data, "--masks", `${out}/masks.safetensors`]);
    expect(masked.loss).toBeCloseTo(measured.loss, 6);

    const finetuned = place.path("finetuned");
    const mask = ["--masks", `${out}/masks.safetensors`];
    await cliJson(["finetune", out, ...mask, ...training, "--epochs", "2", "--out", finetuned]);
    const info = await cliJson(["info", finetuned]);
    expect(info.parameters.kept).toBe(pruned.parameters.pruned);
    expect((await cliJson(["eval", finetuned, "--data", data])).loss).toBeLessThan(measured.loss);
  });

  it("is described without a device", async () => {
    const { stdout, exitCode } = await cli(["info", trained, "--json"], { openGpu: noGpu });
    expect(exitCode).toBe(0);
    const info = JSON.parse(stdout);
    expect(info.parameters.dense).toBe(65 * 24 + 25 * 16 + 17 * 3);
    expect(info.flops.dense).toBe(2 * (64 * 24 + 24 * 16 + 16 * 3));
    expect(info.layers.map(({ name }: { name: string }) => name)).toEqual([
      "lin.0.weight",
      "lin.1.weight",
      "lin.2.weight",
    ]);
  });

  it("loses whole neurons", async () => {
    const out = place.path("neurons");
    const options = ["--granularity", "neuron", "--scope", "layer", "--sparsity", "0.25", "--out", out];
    await cliJson(["prune", trained, "--method", "magnitude", ...options]);
    const masks = masksOf(out);
    const zeros = (name: string) => masks.get(name)!.data.filter((bit) => bit === 0).length;
    expect(zeros("lin.0.bias")).toBe(6);
    expect(zeros("lin.1.bias")).toBe(4);
    expect(zeros("lin.0.weight")).toBe(6 * 64);
    expect(zeros("lin.1.weight")).toBe(6 * 16 + 4 * 24 - 6 * 4);
    expect(zeros("lin.2.weight")).toBe(4 * 3);
  });

  it("is scored", async () => {
    const out = place.path("scores.safetensors");
    const scoring = ["--criterion", "snip", "--calibration", data, "--out", out];
    expect(await cliJson(["saliency", trained, ...scoring])).toMatchObject({ tensors: 6, images: 24 });
  });

  it("does not crop or mirror what is no image", async () => {
    for (const option of [["--flip"], ["--crop-padding", "1"]]) {
      const args = ["train", start, ...training, ...option, "--epochs", "1", "--out", place.path("mirrored")];
      const { exitCode, stderr } = await cli(args);
      expect(exitCode).toBe(2);
      expect(stderr).toBe(
        "secateur: augmentation: expected samples of [C, H, W] to crop or flip, got [64]; leave it out for this model\n",
      );
    }
  });

  const golden = "goldens/px-mlp-a";
  const absent = missing(golden);
  it.skipIf(absent)(`has the masks of ${golden} by magnitude${absent ? `: ${absent}` : ""}`, async () => {
    const folder = place.path("golden");
    cpSync(sharedPath(golden), folder, { recursive: true });
    const mlp = { architecture: "mlp", inputs: 48, hidden: [96, 64], num_classes: 10 };
    writeFileSync(`${folder}/config.json`, JSON.stringify(mlp));
    const out = place.path("golden-pruned");
    const method = ["--method", "magnitude", "--sparsity", "0.8", "--include", "classifier"];
    await cliJson(["prune", folder, ...method, "--out", out]);
    const want = readFileSync(`${folder}/magnitude.mask.safetensors`);
    expect(masksOf(out)).toEqual(parseMasks(want, "magnitude"));
  });
});

/** Every command that works on models, on a ResNet-20. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { type FloatTensor, parseSafetensors } from "../../src/io/index.js";
import { isStatistic } from "../../src/io/parameters.js";
import { parseMasks } from "../../src/prune/index.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const config = { architecture: "resnet20", img_size: 8, in_chans: 1, num_classes: 3 };
const start = place.write("start/config.json", JSON.stringify(config));
const data = place.data();
const trained = place.path("trained");
const training = ["--data", data, "--batch", "8", "--lr", "0.01", "--seed", "1"];

/** Weights of 3 x 3 filters in nine blocks, of two shortcuts and the first layer; the classifier is left alone. */
const CONVOLUTIONS =
  9 * 16 + 6 * 9 * 16 * 16 + 9 * 16 * 32 + 5 * 9 * 32 * 32 + 16 * 32 + 9 * 32 * 64 + 5 * 9 * 64 * 64 + 32 * 64;

const tensors = (folder: string) => {
  const path = place.path(folder, "model.safetensors");
  return parseSafetensors(readFileSync(path), path).tensors as Map<string, FloatTensor>;
};
const masksOf = (folder: string) => parseMasks(readFileSync(place.path(folder, "masks.safetensors")), folder);
const ones = (data: ArrayLike<number>) => Array.from(data).reduce((sum, bit) => sum + bit, 0);

/** Interrupts at the end of the second epoch, before it is saved, as Ctrl+C does. */
async function stopInSecond(args: readonly string[]): Promise<void> {
  const controller = new AbortController();
  const stderr = {
    write: (text: string) => {
      if (text.startsWith("epoch 2 of")) controller.abort(new Error("stop"));
    },
  };
  await cli([...args, "--json"], { signal: controller.signal, stderr }); // which notes the last epoch too
}

describe("a ResNet", () => {
  it("is trained, and evaluates from its file as it did in training", async () => {
    const { log } = await cliJson(["train", start, ...training, "--epochs", "6", "--test", data, "--out", trained]);
    expect(log.at(-1).loss).toBeLessThan(log[0].loss);
    const { top1, loss } = await cliJson(["eval", trained, "--data", data, "--batch", "8"]);
    expect({ top1, loss }).toEqual({ top1: log.at(-1).test.top1, loss: log.at(-1).test.loss });
    const running = tensors("trained").get("blocks.4.bn1.running_var")!.data;
    expect(running.every((value) => value !== 1)).toBe(true);
  });

  it("ends with the same bytes after training was stopped and resumed", async () => {
    const args = (out: string) => ["train", start, ...training, "--epochs", "2", "--out", place.path(out)];
    await cliJson(args("whole"));
    await stopInSecond(args("parts"));
    expect(tensors("parts")).not.toEqual(tensors("whole"));
    await cliJson([...args("parts"), "--resume"]);
    expect(place.files("parts")).toEqual(place.files("whole"));
    const moments = parseSafetensors(readFileSync(place.path("whole/optimizer.safetensors")), "moments").tensors;
    expect([...moments.keys()].filter(isStatistic)).toEqual([]);
  });

  it.each(["magnitude", "snip"])("is pruned by %s and finetuned", async (method) => {
    const out = place.path(method);
    const pruning = ["--method", method, "--sparsity", "0.75", "--calibration", data, "--out", out];
    const pruned = await cliJson(["prune", trained, ...pruning]);
    const masks = masksOf(method);
    expect([...masks.values()].reduce((sum, { data: bits }) => sum + ones(bits), 0)).toBe(CONVOLUTIONS / 4);
    expect(masks.get("conv.weight")!.shape).toEqual([16, 1, 3, 3]);
    expect(pruned.parameters.dense - pruned.parameters.pruned).toBe((CONVOLUTIONS * 3) / 4);
    const measured = await cliJson(["eval", out, "--data", data]);
    const masked = await cliJson(["eval", trained, "--data", data, "--masks", `${out}/masks.safetensors`]);
    expect(masked.loss).toBeCloseTo(measured.loss, 6);
    if (method === "snip") return;

    const mask = ["--masks", `${out}/masks.safetensors`];
    const finetuned = place.path("finetuned");
    await cliJson(["finetune", out, ...mask, ...training, "--epochs", "1", "--out", finetuned]);
    expect((await cliJson(["info", finetuned])).parameters.kept).toBe(pruned.parameters.pruned);
  });

  it("is described without a device", async () => {
    const { stdout, exitCode } = await cli(["info", trained, "--json"], { openGpu: noGpu });
    expect(exitCode).toBe(0);
    const info = JSON.parse(stdout);
    const norms = 2 * (7 * 16 + 7 * 32 + 7 * 64);
    const identities = 3 * 16 + 2 * 32 + 2 * 64;
    expect(info.parameters.dense).toBe(CONVOLUTIONS + norms + identities + 65 * 3);
    // By segments of 8 x 8, 4 x 4 and 2 x 2 pixels.
    const first = 64 * (9 * 16 + 6 * 9 * 16 * 16);
    const second = 16 * (9 * 16 * 32 + 5 * 9 * 32 * 32 + 16 * 32);
    const third = 4 * (9 * 32 * 64 + 5 * 9 * 64 * 64 + 32 * 64);
    expect(info.flops.dense).toBe(2 * (first + second + third + 64 * 3));
    expect(info.layers).toHaveLength(22);
    expect(info.layers[0]).toMatchObject({ name: "conv.weight", shape: [16, 1, 3, 3] });
    expect(info.layers[9].name).toBe("blocks.3.shortcut.0.weight");
  });

  it("loses whole channels with their norms", async () => {
    const out = place.path("channels");
    const options = ["--granularity", "neuron", "--scope", "layer", "--sparsity", "0.25", "--out", out];
    await cliJson(["prune", trained, "--method", "magnitude", ...options]);
    const zeros = (name: string) =>
      masksOf("channels")
        .get(name)!
        .data.filter((bit) => bit === 0).length;
    expect(zeros("blocks.3.conv1.weight")).toBe(8 * 9 * 16);
    expect(zeros("blocks.3.bn1.weight")).toBe(8);
    expect(zeros("blocks.3.bn1.bias")).toBe(8);
    expect(zeros("blocks.3.conv2.weight")).toBe(8 * 9 * 32);
    expect(masksOf("channels").has("conv.weight")).toBe(false);
  });

  it("is scored, but for its running statistics", async () => {
    const out = place.path("scores.safetensors");
    const scoring = ["--criterion", "snip", "--calibration", data, "--out", out];
    const trainable = [...tensors("trained").keys()].filter((name) => !isStatistic(name));
    expect(await cliJson(["saliency", trained, ...scoring])).toMatchObject({ tensors: trainable.length, images: 24 });
  });

  it.each(["wanda", "obs", "sparsegpt"])(
    "is pruned by %s, which looks at the patches that filters see",
    async (method) => {
      const out = place.path(method);
      const options = ["--sparsity", "0.5", "--scope", "row", "--calibration", data, "--out", out];
      const { warnings } = await cliJson(["prune", trained, "--method", method, ...options]);
      expect(warnings).toEqual(["Accuracy was measured on the calibration images; --data measures it on others."]);
      for (const [name, { shape, data: bits }] of masksOf(method)) {
        const columns = bits.length / shape[0];
        for (let row = 0; row < shape[0]; row++) {
          expect(ones(bits.subarray(row * columns, (row + 1) * columns)), name).toBe(Math.ceil(columns / 2));
        }
      }
    },
  );
});

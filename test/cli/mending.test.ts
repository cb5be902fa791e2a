/** What `finetune` offers besides plain training: a teacher, and the average of the weights. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseSafetensors } from "../../src/io/index.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = place.model("model", { depth: 1 });
const teacher = place.model("teacher", { depth: 1, embed_dim: 32 });
const data = place.data("train.safetensors", 26);
const test = place.data("test.safetensors", 12);

const finetune = (out: string, ...more: string[]) => [
  ...["finetune", model, "--data", data, "--test", test, "--out", place.path(out)],
  ...["--batch", "8", "--lr", "0.01", "--epochs", "3", ...more],
];
const tensors = (...parts: string[]) => parseSafetensors(readFileSync(place.path(...parts)), parts.join("/")).tensors;

/** Stops a command when its second epoch has been told, of which nothing is saved yet, and resumes it. */
async function inTwoParts(args: string[]): Promise<void> {
  const controller = new AbortController();
  const stderr = {
    write: (text: string) => void (text.includes("epoch 2 of") && controller.abort(new Error("stopped"))),
  };
  expect((await cli(args, { signal: controller.signal, stderr })).exitCode).not.toBe(0);
  await cliJson([...args, "--resume"]);
}

describe("secateur finetune --ema", () => {
  const args = (out: string) => finetune(out, "--ema", "0.5");

  it("saves and measures the average, and keeps the weights for going on", async () => {
    const { accuracy, settings } = await cliJson(args("average"));
    expect(settings.ema).toBe(0.5);
    const { loss, top1 } = await cliJson(["eval", place.path("average"), "--data", test]);
    expect(loss).toBeCloseTo(accuracy.loss, 6);
    expect(top1).toBe(accuracy.top1);
    await cliJson(finetune("plain"));
    const state = tensors("average", "optimizer.safetensors");
    for (const [name, { data }] of tensors("plain", "model.safetensors")) {
      expect(state.get(`weight.${name}`)!.data, name).toEqual(data);
      expect(tensors("average", "model.safetensors").get(name)!.data, name).not.toEqual(data);
    }
  });

  it("ends with the same bytes after it was stopped and resumed", async () => {
    await inTwoParts(args("average-parts"));
    expect(place.files("average-parts")).toEqual(place.files("average"));
    const other = await cli([...args("average"), "--ema", "0.9", "--resume"], { openGpu: noGpu });
    expect(other.stderr).toContain("got ema 0.9 instead of 0.5");
    expect((await cli([...finetune("plain"), "--ema", "0.9", "--resume"])).stderr).toContain("instead of null");
  });
});

describe("secateur finetune --teacher", () => {
  const args = (out: string, ...more: string[]) => finetune(out, "--teacher", teacher, ...more);

  it("learns from it, resumed or not, and says how in its settings", async () => {
    const { settings, log } = await cliJson(args("soft"));
    expect(settings).toMatchObject({ distill: "soft", distillWeight: 0.5, temperature: 3 });
    expect(settings.teacher).toMatch(/^[0-9a-f]{16}$/);
    expect(log[1].loss).toBeLessThan(log[0].loss);
    await inTwoParts(args("soft-parts"));
    expect(place.files("soft-parts")).toEqual(place.files("soft"));
    const other = await cli([...finetune("soft", "--teacher", model), "--resume"], { openGpu: noGpu });
    expect(other.stderr).toMatch(/got teacher [0-9a-f]{16} instead of [0-9a-f]{16}/);
  });

  it("takes part of no objective with weight 0", async () => {
    await cliJson(args("unheard", "--distill-weight", "0"));
    await cliJson(finetune("alone"));
    expect(tensors("unheard", "model.safetensors")).toEqual(tensors("alone", "model.safetensors"));
    const { settings } = await cliJson(args("hard", "--distill", "hard", "--distill-weight", "1"));
    expect(settings).toMatchObject({ distill: "hard", distillWeight: 1, temperature: null });
    expect(tensors("hard", "model.safetensors")).not.toEqual(tensors("alone", "model.safetensors"));
  });

  it.each([
    [["--distill", "soft"], "distill: expected --teacher <model> to learn from, got none"],
    [["--temperature", "2"], "distill: expected --teacher <model> to learn from, got none"],
    [["--teacher", "none"], "none: expected"],
    [
      ["--teacher", teacher, "--distill", "hard", "--temperature", "2"],
      "temperature: expected none for --distill hard",
    ],
    [["--teacher", teacher, "--distill", "firm"], "distill: expected soft, hard"],
    [["--teacher", teacher, "--distill-weight", "2"], "distill-weight: expected a number, at least 0, at most 1"],
    [["--teacher", place.path("refused")], "expected"],
    [["--ema", "1"], "ema: expected a decay from 0 to below 1, got 1"],
  ])("refuses %s", async (more, message) => {
    const { exitCode, stderr } = await cli(finetune("refused", ...more), { openGpu: noGpu });
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });

  it("refuses a teacher of other classes, and to write over one", async () => {
    const other = place.model("others", { num_classes: 4 });
    const { exitCode, stderr } = await cli(finetune("refused", "--teacher", other));
    expect(stderr).toContain("teacher: expected [1,8,8] to 3 classes");
    expect(exitCode).toBe(2);
    const over = await cli(finetune("teacher", "--teacher", teacher), { openGpu: noGpu });
    expect(over.stderr).toContain("out: expected a folder apart from the input");
  });
});

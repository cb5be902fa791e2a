import { readFileSync, rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseSafetensors } from "../../src/io/index.js";
import { cli, cliJson, noGpu, TINY, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const config = place.write("fresh/config.json", JSON.stringify({ ...TINY, depth: 1, drop_rate: 0.1 }));
const data = place.data("train.safetensors", 26);
const test = place.data("test.safetensors", 12);

const loop = (out: string) => [
  "--data",
  data,
  "--out",
  place.path(out),
  "--batch",
  "8",
  "--lr",
  "0.01",
  "--crop-padding",
  "1",
  "--flip",
];
const tensors = (...parts: string[]) => parseSafetensors(readFileSync(place.path(...parts)), parts.join("/")).tensors;
const log = (out: string) =>
  readFileSync(place.path(out, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Stops a command when its nth epoch was saved and the next is announced. With --json the last one is announced too. */
async function stopAfter(epochs: number, args: string[]): Promise<{ stderr: string }> {
  const controller = new AbortController();
  let [seen, stderr] = [0, ""];
  const write = (text: string) => {
    stderr += text;
    if (text.startsWith("epoch ") && text.endsWith("\n") && ++seen > epochs) controller.abort(new Error("stopped"));
  };
  const { exitCode } = await cli([...args, "--json"], { signal: controller.signal, stderr: { write } });
  expect(exitCode).not.toBe(0);
  return { stderr };
}

describe("secateur train", () => {
  const args = (out: string) => ["train", config, ...loop(out), "--epochs", "4", "--test", test];

  it("learns, logs each epoch and leaves a model", async () => {
    const result = await cliJson(args("whole"));
    expect(result.steps).toBe(12);
    expect([...place.files("whole").keys()]).toEqual([
      "config.json",
      "log.jsonl",
      "model.safetensors",
      "optimizer.safetensors",
      "trainer.json",
    ]);
    const records = log("whole");
    expect(records.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 3],
      [2, 6],
      [3, 9],
      [4, 12],
    ]);
    expect(records[3].loss).toBeLessThan(records[0].loss);
    expect(records[3].test.top1).toBeGreaterThanOrEqual(0);
    const { loss } = await cliJson(["eval", place.path("whole"), "--data", test]);
    expect(loss).toBeCloseTo(records[3].test.loss, 6);
  });

  it("ends with the same bytes after it was stopped and resumed", async () => {
    const { stderr } = await stopAfter(2, args("parts"));
    expect(stderr).toContain(
      `${place.path("parts")} holds 2 epochs; the same command with --resume goes on from there`,
    );
    expect(log("parts")).toHaveLength(2);
    const { steps } = await cliJson([...args("parts"), "--resume"]);
    expect(steps).toBe(12);
    expect(place.files("parts")).toEqual(place.files("whole"));
  });

  it("says that a training that was interrupted will be lost, and nothing of one that ended", async () => {
    await stopAfter(1, args("anew"));
    const note = `note: ${place.path("anew", "trainer.json")} of an interrupted run will be lost; --resume goes on`;
    expect((await cli(args("anew"))).stderr).toContain(note);
    expect((await cli(args("anew"))).stderr).not.toContain("note:");
  });

  it("refuses to resume with other settings or from nothing", async () => {
    const other = await cli([...args("parts"), "--resume", "--lr", "0.02"]);
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toContain("got lr 0.02 instead of 0.01");
    const nothing = await cli([...args("nothing"), "--resume"]);
    expect(nothing.exitCode).toBe(2);
    expect(nothing.stderr).toContain("trainer.json of an interrupted run, got none; leave --resume out");
  });

  it("refuses to resume from another start, and takes the run's own folder and runs that do not tell theirs", async () => {
    const resume = (model: string, out: string) => cli(["train", model, ...args(out).slice(2), "--resume"]);
    await stopAfter(2, args("begun"));
    const beside = place.write("begun/other.safetensors", readFileSync(place.path("whole", "model.safetensors")));
    for (const other of [place.path("whole"), beside]) {
      const { stderr, exitCode } = await resume(other, "begun");
      expect(stderr).toMatch(/trainer.json: expected the start .*, fresh weights, got weights [0-9a-f]{16}; resume/);
      expect(stderr).toContain(`resume with the model that it began with, or with ${place.path("begun")}\n`);
      expect(exitCode).toBe(2);
    }
    rmSync(beside);

    const trainer = JSON.parse(readFileSync(place.path("begun", "trainer.json"), "utf8"));
    for (const [file, bytes] of place.files("begun")) place.write(`older/${file}`, bytes);
    const { start, ...settings } = trainer.settings;
    expect(start).toBe("fresh weights");
    place.write("older/trainer.json", JSON.stringify({ step: trainer.step, settings }));
    expect((await resume(config, "older")).exitCode).toBe(0);
    const ended = JSON.parse(readFileSync(place.path("older", "trainer.json"), "utf8"));
    expect(ended.settings).toEqual(settings);
    place.write("older/trainer.json", readFileSync(place.path("whole", "trainer.json")));

    expect((await resume(place.path("begun"), "begun")).exitCode).toBe(0);
    for (const out of ["begun", "older"]) expect(place.files(out)).toEqual(place.files("whole"));
  });

  it("refuses to resume with other data or what two saves left", async () => {
    const relabelled = place.data("relabelled.safetensors", 26, [2, 1, 0]);
    const other = await cli([...args("parts"), "--data", relabelled, "--resume"], { openGpu: noGpu });
    expect(other.stderr).toMatch(/got labels [0-9a-f]{16} instead of [0-9a-f]{16}/);
    expect(other.exitCode).toBe(2);

    await stopAfter(2, args("earlier"));
    for (const name of ["model.safetensors", "optimizer.safetensors", "log.jsonl"]) {
      const mixed = `mixed-${name}`;
      for (const [file, bytes] of place.files("earlier")) place.write(`${mixed}/${file}`, bytes);
      place.write(`${mixed}/${name}`, readFileSync(place.path("whole", name)));
      const { exitCode, stderr } = await cli([...args(mixed), "--resume"], { openGpu: noGpu });
      expect(stderr).toContain(
        `${name}: expected the state of step 6, as in trainer.json, got step 12; a save was cut`,
      );
      expect(exitCode).toBe(2);
    }
  });

  it.each([
    ["--epochs", "0", "epochs: expected a number, above 0"],
    ["--lr", "0", "lr: expected a number, above 0"],
    ["--lr", "-1", "lr: expected a number, above 0"],
    ["--min-lr", "1", "min-lr: expected at most the highest learning rate, 0.01, got 1"],
    ["--weight-decay", "-1", "weight-decay: expected a number, at least 0"],
  ])("refuses %s %s before a device is opened", async (option, value, message) => {
    const { exitCode, stderr } = await cli([...args("refused"), option, value], { openGpu: noGpu });
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });

  it("refuses a batch larger than the data", async () => {
    const { exitCode, stderr } = await cli([...args("big"), "--batch", "27"], { openGpu: noGpu });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("batch: expected at most the 26 examples");
  });

  it("says each epoch once, the last one with the result", async () => {
    const { stdout, stderr } = await cli([...args("said"), "--epochs", "2"]);
    expect((stderr + stdout).match(/epoch . of 2: .*/g)).toEqual([
      expect.stringMatching(/^epoch 1 of 2: loss .*, test top-1 /),
      expect.stringMatching(/^epoch 2 of 2: loss .*, test top-1 /),
    ]);
    expect(stdout).toContain("epoch 2 of 2");
    const files = "model.safetensors, config.json, optimizer.safetensors, log.jsonl, trainer.json";
    expect(stdout).toContain(`${place.path("said")}: ${files} (`);
  });

  it("saves every so many epochs, and at the end", async () => {
    await stopAfter(2, [...args("sparse"), "--save-every", "2"]);
    expect(log("sparse")).toHaveLength(2);
    rmSync(place.path("sparse"), { recursive: true });
    const { stderr } = await stopAfter(0, [...args("sparse"), "--save-every", "2"]);
    expect(stderr).toContain("nothing of the training is saved yet; it is after every 2 epochs\n");
    expect(() => log("sparse")).toThrow();
  });
});

describe("secateur finetune", () => {
  it("holds the masks and trains the rest, resumed or not", async () => {
    const model = place.model("dense", { depth: 1 });
    const pruned = place.path("pruned");
    await cliJson(["prune", model, "--method", "magnitude", "--sparsity", "0.5", "--out", pruned]);
    const args = (out: string) => [
      "finetune",
      pruned,
      "--masks",
      `${pruned}/masks.safetensors`,
      ...loop(out),
      "--epochs",
      "2",
    ];
    await cliJson(args("tuned"));
    const [masks, before, after] = [
      tensors("pruned", "masks.safetensors"),
      tensors("pruned", "model.safetensors"),
      tensors("tuned", "model.safetensors"),
    ];
    for (const [name, { data: mask }] of masks) {
      const values = after.get(name)!.data as Float32Array;
      values.forEach((value, i) => {
        if (!mask[i]) expect(value).toBe(0);
      });
      expect(values).not.toEqual(before.get(name)!.data);
    }
    expect(readFileSync(place.path("tuned", "masks.safetensors"))).toEqual(readFileSync(`${pruned}/masks.safetensors`));

    await stopAfter(1, args("tuned-parts"));
    await cliJson([...args("tuned-parts"), "--resume"]);
    expect(place.files("tuned-parts")).toEqual(place.files("tuned"));
  });

  it("leaves nothing of the run that lay in its folder before", async () => {
    const [model, used] = [place.path("dense"), place.path("used")];
    const prune = () => cliJson(["prune", model, "--method", "magnitude", "--sparsity", "0.5", "--out", used]);
    const short = ["--epochs", "0.4"];
    const names = () => [...place.files("used").keys()];
    const [pruned, trained] = [
      ["masks", "model", "scores"],
      ["model", "optimizer"],
    ].map((tensors) => tensors.map((name) => `${name}.safetensors`));
    const alone = ["config.json", "log.jsonl", ...trained, "mine.txt", "trainer.json"].sort();
    await prune();
    place.write("used/mine.txt", "stays");
    await cliJson(["train", model, ...loop("used"), ...short]);
    expect(names()).toEqual(alone);
    await prune();
    expect(names()).toEqual(["config.json", ...pruned, "mine.txt", "report.html", "report.json"].sort());
    const masks = place.write("held.safetensors", readFileSync(place.path("used", "masks.safetensors")));
    await cliJson(["finetune", model, "--masks", masks, ...loop("used"), ...short]);
    expect(names()).toEqual([...alone, "masks.safetensors"].sort());
    await cliJson(["finetune", model, ...loop("used"), ...short]);
    expect(names()).toEqual(alone);
    await cliJson(["compact", model, "--out", used]);
    expect(names()).toEqual(["config.json", "mine.txt", "model.safetensors"]);
  });

  it("refuses to resume under other masks", async () => {
    await cliJson([
      "prune",
      place.path("dense"),
      "--method",
      "random",
      "--sparsity",
      "0.5",
      "--out",
      place.path("other"),
    ]);
    const args = ["finetune", place.path("pruned"), ...loop("tuned"), "--epochs", "2", "--resume"];
    for (const held of [["--masks", place.path("other", "masks.safetensors")], []]) {
      const { exitCode, stderr } = await cli([...args, ...held], { openGpu: noGpu });
      expect(stderr).toMatch(/got masks (null|[0-9a-f]{16}) instead of [0-9a-f]{16}/);
      expect(exitCode).toBe(2);
    }
  });

  it("says that it found masks which nobody asked it to hold", async () => {
    const { stderr } = await cli(["finetune", place.path("pruned"), ...loop("free"), "--epochs", "0.4"]);
    expect(stderr).toContain("note: removed weights are trained too; --masks ");
  });

  it("is named where train would bring removed weights back", async () => {
    const note = `note: removed weights are trained too; secateur finetune --masks ${place.path("pruned", "masks.safetensors")} would`;
    const train = (model: string) => cli(["train", place.path(model), ...loop("back"), "--epochs", "0.4"]);
    expect((await train("pruned")).stderr).toContain(note);
    expect((await train("pruned/config.json")).stderr).not.toContain("note:");
    expect((await train("dense")).stderr).not.toContain("note:");
  });
});

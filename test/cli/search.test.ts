/** Methods that search: one command from a model to masks, and to what is left, trained. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it, vi } from "vitest";
import { parseSafetensors } from "../../src/io/index.js";
import { parseMasks } from "../../src/prune/index.js";
import { AdamW } from "../../src/train/optimizer.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = place.model();
const data = place.data();
const others = place.data("others.safetensors", 12);

const search = (out: string, ...more: string[]) => [
  ...["prune", model, "--method", "upop", "--sparsity", "0.5", "--train", data, "--batch", "8", "--lr", "0.01"],
  ...["--search-interval", "2", "--epochs", "2", "--out", place.path(out), ...more],
];

const tensorsOf = (folder: string, file: string) =>
  parseSafetensors(readFileSync(place.path(folder, file)), folder).tensors;

describe("secateur prune --method upop", () => {
  it("writes weights with zeros where the masks have them, scores by unit and a report", async () => {
    const found = await cliJson(search("found", "--data", others));
    expect(found).toMatchObject({ command: "prune", method: "upop", sparsity: 0.5, warnings: [] });
    expect(found.settings).toMatchObject({ granularity: "headDim and neuron", schedule: "while training" });
    expect(found.settings.finetune).toMatchObject({ epochs: 2, batch: 8, lr: 0.01, searchInterval: 2 });
    expect([...place.files("found").keys()]).toEqual([
      ...["config.json", "masks.safetensors", "model.safetensors", "report.html", "report.json", "scores.safetensors"],
    ]);
    const masks = parseMasks(readFileSync(place.path("found/masks.safetensors")), "masks");
    const weights = tensorsOf("found", "model.safetensors");
    const layers = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"];
    const masked = ["attn.qkv.bias", "mlp.fc1.bias", ...layers.map((layer) => `${layer}.weight`)];
    expect([...masks.keys()].sort()).toEqual(
      [0, 1].flatMap((block) => masked.map((name) => `blocks.${block}.${name}`)).sort(),
    );
    let [kept, total] = [0, 0];
    for (const [name, { data }] of masks) {
      const values = weights.get(name)!.data as Float32Array;
      data.forEach((bit, i) => {
        if (!bit) expect(values[i], name).toBe(0);
        kept += bit;
      });
      total += data.length;
    }
    expect(found.blockDensity).toBeCloseTo(kept / total, 12);
    // One head dimension of a block is 6% of the masked parameters here.
    expect(Math.abs(kept / total - 0.5)).toBeLessThan(0.07);
    expect(found.parameters.dense - found.parameters.pruned).toBe(total - kept);
    const scores = tensorsOf("found", "scores.safetensors");
    for (const { kind, total: units, pruned } of found.units) {
      const of = [...scores].filter(([name]) => name.endsWith(kind));
      expect(of.reduce((sum, [, { data }]) => sum + data.length, 0)).toBe(units);
      expect(pruned).toBeGreaterThan(0);
    }
    const report = JSON.parse(readFileSync(place.path("found/report.json"), "utf8"));
    expect(report.runs[0]).toMatchObject({ method: "upop", finetuned: null, rounds: [] });
    expect(report.runs[0].layers.map(({ name }: { name: string }) => name)).toEqual(
      [0, 1].flatMap((block) => layers.map((layer) => `blocks.${block}.${layer}.weight`)),
    );
    expect(report.data.calibration.examples).toBe(24);
  });

  it("warns where every layer keeping its last units left more than was asked", async () => {
    const { warnings } = await cliJson(search("last", "--data", others, "--sparsity", "0.99"));
    expect(warnings).toEqual([expect.stringMatching(/^The search removed \d\d(\.\d+)?% where 99% were asked for: /)]);
  });

  it("measures what its files hold", async () => {
    const { accuracy } = await cliJson(search("measured", "--data", others));
    const { top1, loss } = await cliJson(["eval", place.path("measured"), "--data", others]);
    expect(accuracy.pruned.top1).toBe(top1);
    expect(accuracy.pruned.loss).toBeCloseTo(loss, 5);
    expect(accuracy.finetuned).toBeNull();
  });

  it("trains what is left in the same command: the masks of the search, better weights", async () => {
    const mended = search("mended", "--data", data, "--finetune-epochs", "4", "--finetune-lr", "0.02");
    const { accuracy, warnings, settings } = await cliJson(mended);
    expect(settings.finetune).toMatchObject({ finetuneEpochs: 4, finetuneLr: 0.02 });
    expect(warnings).toEqual([expect.stringContaining("measured on the images of the search")]);
    expect(accuracy.finetuned.loss).toBeLessThan(accuracy.pruned.loss);
    expect(place.files("mended").get("masks.safetensors")).toEqual(place.files("found").get("masks.safetensors"));
    const { top1 } = await cliJson(["eval", place.path("mended"), "--data", data]);
    expect(accuracy.finetuned.top1).toBe(top1);
  });

  it("gives the same bytes twice, and says what it did", async () => {
    const { stdout, stderr, exitCode } = await cli(search("again", "--data", others));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^upop removed \d+ of 16 head dimensions, \d+ of 128 neurons of model; \d+(\.\d+)?% of/);
    expect(stdout).toMatch(/\ndense +[\d.]+%.*\npruned +[\d.]+%/);
    expect(stderr).toMatch(/^search, epoch 1 of 2: loss [\d.]+\nsearch, epoch 2 of 2: loss [\d.]+\n$/);
    const [first, second] = [place.files("measured"), place.files("again")];
    for (const name of ["model.safetensors", "masks.safetensors", "scores.safetensors"]) {
      expect(second.get(name)!.equals(first.get(name)!), name).toBe(true);
    }
  });

  it("cuts out what it removed", async () => {
    const { compacted, files } = await cliJson(search("cut", "--compact", "--round-to", "1"));
    expect(files).toContain("compact/config.json");
    expect(compacted.compact.parameters).toBeLessThan(0.75 * compacted.dense.parameters);
    const info = await cliJson(["info", place.path("cut", "compact")]);
    expect(info.parameters.kept).toBe(compacted.compact.parameters);
    expect(info.density).toBe(1);
  });

  it("takes the first examples of each class, and needs nothing to measure on", async () => {
    const { data: used, warnings, accuracy } = await cliJson(search("few", "--examples-per-class", "4"));
    expect(used.calibration).toMatchObject({ examples: 12, classes: 3 });
    expect(accuracy.dense).toBeNull();
    expect(warnings).toEqual(["Accuracy was not measured; --data DATA measures it."]);
  });

  it("goes on from where it was interrupted, to the same bytes", async () => {
    const run = (out: string, ...more: string[]) => search(out, "--data", others, "--finetune-epochs", "2", ...more);
    expect((await cli(run("whole"))).exitCode).toBe(0);
    /** Interrupts it before the first step that follows a note, which an epoch ends with. */
    const interrupted = async (note: string, ...more: string[]) => {
      const controller = new AbortController();
      let stderr = "";
      const write = (text: string) => {
        stderr += text;
      };
      const { prepare } = AdamW.prototype;
      const spy = vi.spyOn(AdamW.prototype, "prepare").mockImplementation(function (this: AdamW, ...rest) {
        if (stderr.includes(note)) controller.abort(new Error("stopped"));
        return prepare.apply(this, rest);
      });
      const { exitCode } = await cli(run("halves", ...more), { signal: controller.signal, stderr: { write } });
      spy.mockRestore();
      expect(exitCode).not.toBe(0);
      expect([...place.files("halves").keys()]).toEqual(["state.safetensors"]);
      return stderr;
    };
    const goesOn = "; the same command with --resume goes on from there";
    expect(await interrupted("search, epoch 1")).toContain(`holds 3 steps of the search${goesOn}`);
    const again = await interrupted("finetuning, epoch 1", "--resume");
    expect(again).toMatch(/^search, epoch 2 of 2.*\nfinetuning, epoch 1 of 2/);
    expect(again).toContain(`holds the search and 3 steps of finetuning${goesOn}`);

    const refused = await cli(run("halves", "--resume", "--lr", "0.02"));
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/^secateur: resume: expected a state with learningRate 0.02, got 0.01/);
    expect((await cli(run("halves", "--resume"))).stderr).toMatch(/^finetuning, epoch 2 of 2: loss [\d.]+\n$/);
    expect(place.files("halves")).toEqual(place.files("whole"));
  });

  it("has nothing to resume at first", async () => {
    const { exitCode, stderr } = await cli(search("fresh", "--resume"), { openGpu: noGpu });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("state.safetensors of an interrupted run, got none; leave --resume out");
  });

  const magnitude = ["prune", model, "--method", "magnitude", "--sparsity", "0.5", "--out", place.path("none")];
  it.each([
    [
      "upop: expected data to train on, got none; give --train DATA",
      search("none").filter((arg, i, all) => arg !== "--train" && all[i - 1] !== "--train"),
    ],
    [
      "upop: expected --sparsity, got none",
      search("none").filter((arg, i, all) => arg !== "--sparsity" && all[i - 1] !== "--sparsity"),
    ],
    ["rounds: expected a method that scores, got upop; leave --rounds out", search("none", "--rounds", "3")],
    ["calibration: expected a method that scores, got upop", search("none", "--calibration", data)],
    [
      "rewind-step: expected a method that trains around its rounds (imp), got upop",
      search("none", "--rewind-step", "1"),
    ],
    ["batch: expected at most the 24 examples", search("none", "--batch", "25")],
    [
      "min-lr: expected at most the highest learning rate, 0.001, got 0.005",
      search("none", "--min-lr", "0.005", "--finetune-epochs", "1", "--finetune-lr", "0.001"),
    ],
    ["finetune-epochs: expected", search("none", "--finetune-epochs", "0")],
    ["finetune-epochs: expected a method that searches (upop, ", [...magnitude, "--finetune-epochs", "1"]],
    ["search-interval: expected upop, got magnitude", [...magnitude, "--search-interval", "5"]],
    ["penalty: expected vtp, got upop; leave --penalty out", search("none", "--penalty", "1")],
    ["choose another path", search("none", "--out", data)],
  ])("refuses: %s", async (message, args) => {
    const { exitCode, stderr } = await cli(args, { openGpu: noGpu });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^secateur: [^\n]+\n$/);
    expect(exitCode).toBe(2);
  });

  it("refuses nothing to remove, and models without head dimensions, in one line", async () => {
    const mlp = place.write(
      "mlp/config.json",
      JSON.stringify({ architecture: "mlp", inputs: 64, hidden: [8], num_classes: 3 }),
    );
    const none = await cli(search("none", "--sparsity", "0"));
    expect(none.stderr).toContain("sparsity: expected the part to remove, above 0 and below 1, got 0");
    const other = await cli(["prune", mlp, ...search("none").slice(2)]);
    expect(other.stderr).toMatch(/^secateur: upop: expected .+\n$/);
    expect(other.exitCode).toBe(2);
    expect(existsSync(place.path("none"))).toBe(false);
  });
});

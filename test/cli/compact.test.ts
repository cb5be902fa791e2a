import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseSafetensors } from "../../src/io/index.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = place.model("model", { embed_dim: 24, num_heads: 3 });
const data = place.data();
const pruned = place.path("pruned");
const masks = join(pruned, "masks.safetensors");
const small = place.path("small");

beforeAll(async () => {
  const units = ["--granularity", "head,neuron,attn.in", "--sparsity", "0.5"];
  await cliJson(["prune", model, "--method", "taylor-squared", ...units, "--calibration", data, "--out", pruned]);
});

async function logitsOf(folder: string): Promise<Float32Array> {
  const out = place.path("logits.safetensors");
  await cliJson(["eval", folder, "--data", data, "--logits", out]);
  return parseSafetensors(readFileSync(out), out).tensors.get("logits")!.data as Float32Array;
}

describe("secateur compact", () => {
  it("writes a smaller model that computes the same", async () => {
    const result = await cliJson(["compact", model, "--masks", masks, "--round-to", "1", "--out", small]);
    const { dense, compact } = result;
    expect(compact.parameters).toBeLessThan(0.7 * dense.parameters);
    expect(compact.flops).toBeLessThan(0.7 * dense.flops);
    expect(compact.bytes).toBe(statSync(join(small, "model.safetensors")).size);
    expect(dense.bytes).toBe(statSync(join(model, "model.safetensors")).size);
    expect(compact.imagesPerSecond).toBeGreaterThan(0);
    expect(result.difference).toBeLessThan(1e-4);
    const want = await logitsOf(pruned);
    const got = await logitsOf(small);
    const largest = Math.max(...want.map(Math.abs));
    for (const [index, value] of got.entries()) expect(Math.abs(value - want[index]) / largest).toBeLessThan(1e-4);
  });

  it("needs no masks where removed weights are zero", async () => {
    const again = place.path("again");
    await cliJson(["compact", pruned, "--round-to", "1", "--out", again]);
    expect(readFileSync(join(again, "model.safetensors"))).toEqual(readFileSync(join(small, "model.safetensors")));
  });

  it("leaves a model that every command takes", async () => {
    const info = await cliJson(["info", small]);
    expect(info.density).toBe(1);
    const mended = place.path("mended");
    await cliJson(["finetune", small, "--data", data, "--epochs", "1", "--batch", "8", "--out", mended]);
    expect(readFileSync(join(mended, "config.json"))).toEqual(readFileSync(join(small, "config.json")));
    const fewer = place.path("fewer");
    const units = ["--granularity", "neuron", "--sparsity", "0.3"];
    await cliJson(["prune", mended, "--method", "magnitude", ...units, "--data", data, "--out", fewer]);
    const { dense, compact } = await cliJson(["compact", fewer, "--out", place.path("smallest")]);
    expect(compact.parameters).toBeLessThan(dense.parameters);
  });

  it("leaves one whose blocks info describes", async () => {
    const { config, blocks } = await cliJson(["info", small]);
    const { attn, mlp } = config.pruned.blocks[0];
    expect(blocks).toHaveLength(2);
    expect(blocks[0]).toEqual({
      attention: {
        ...{ heads: attn.heads, headDim: 8, qkvRows: 24 * attn.heads, reads: expect.any(Number), addsTo: 24 },
      },
      mlp: { neurons: mlp.hidden, reads: 24, addsTo: 24 },
      tokens: null,
    });
    expect(blocks[0].attention.reads).toBeLessThan(24);
    const { stdout } = await cli(["info", small]);
    expect(stdout).toMatch(/block +heads +dims +qkv rows +attn reads +adds to +neurons +mlp reads +adds to\n0 +\d/);
    expect((await cliJson(["info", model])).blocks).toBeNull();
  });

  it("is done by prune --compact too", async () => {
    const out = place.path("both");
    const units = ["--granularity", "head,neuron,attn.in", "--sparsity", "0.5", "--compact", "--round-to", "1"];
    const result = await cliJson([
      ...["prune", model, "--method", "taylor-squared", ...units, "--calibration", data, "--out", out],
    ]);
    expect(readFileSync(join(out, "compact", "model.safetensors"))).toEqual(
      readFileSync(join(small, "model.safetensors")),
    );
    expect(result.files).toContain("compact/model.safetensors");
    const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
    expect(report.runs[0].compacted).toMatchObject(result.compacted);
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain("Size and speed");
    // Without it the folder would hold what is no longer beside it.
    await cliJson(["prune", model, "--method", "magnitude", "--sparsity", "0.5", "--data", data, "--out", out]);
    expect(existsSync(join(out, "compact"))).toBe(false);
  });

  it("rounds up, and says by how much", async () => {
    const round = ["--round-to", "8", "--out", place.path("rounded")];
    const { compact, zeros } = await cliJson(["compact", model, "--masks", masks, ...round]);
    const tight = await cliJson(["info", small]);
    expect(compact.parameters - zeros).toBe(tight.parameters.dense);
    const { stdout } = await cli(["compact", model, "--masks", masks, ...round]);
    expect(stdout).toMatch(/ zeros that round widths up; --round-to 1 cuts them too\n +parameters/);
    const { config } = await cliJson(["info", place.path("rounded")]);
    for (const { mlp } of config.pruned.blocks) expect(mlp.hidden % 8).toBe(0);
  });

  it("tells that nothing was cut", async () => {
    const { stdout } = await cli(["compact", model, "--out", place.path("same")]);
    expect(stdout).toContain("nothing was cut");
  });

  it.each([
    [["compact", model], "expected --out <folder>"],
    [["compact", model, "--out", model], "expected a folder apart from the input"],
    [["compact", model, "--masks", place.path("none"), "--out", place.path("x")], "none"],
    [["compact", model, "--round-to", "0", "--out", place.path("x")], "round-to: expected"],
  ])("refuses %j", async (args, message) => {
    const { exitCode, stderr } = await cli(args, { openGpu: noGpu });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("refuses a convolutional network", async () => {
    const config = place.write(
      "resnet/config.json",
      JSON.stringify({ architecture: "resnet20", img_size: 8, in_chans: 1, num_classes: 3 }),
    );
    const trained = place.path("trained");
    await cliJson(["train", config, "--data", data, "--epochs", "1", "--batch", "8", "--out", trained]);
    const { exitCode, stderr } = await cli(["compact", trained, "--out", place.path("x")]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("expected a ViT, DeiT or MLP, got resnet20");
  });
});

describe("secateur compact --keep-tokens", () => {
  const patches = place.model("patches", { patch_size: 2, depth: 3 });
  const fewer = place.path("fewer-tokens");
  const compact = (...more: string[]) => ["compact", patches, ...more, "--out", fewer];

  it("lets blocks leave out tokens, counts what that saves, and leaves a model that trains", async () => {
    const { dense, compact: small, difference } = await cliJson(compact("--keep-tokens", "0.5", "--at", "0,1"));
    expect(difference).toBe(0); // with all tokens nothing was cut
    expect(small.parameters).toBe(dense.parameters);
    expect(small.flops).toBeLessThan(0.6 * dense.flops);
    const { pruned: left } = JSON.parse(readFileSync(join(fewer, "config.json"), "utf8"));
    expect(left.blocks.map(({ tokens }: { tokens?: number }) => tokens)).toEqual([8, 4, undefined]);
    const tuned = place.path("tuned-tokens");
    const training = ["--data", data, "--test", data, "--epochs", "2", "--batch", "8", "--lr", "0.01"];
    const { log } = await cliJson(["finetune", fewer, "--teacher", patches, ...training, "--out", tuned]);
    expect(log[1].loss).toBeLessThan(log[0].loss);
    expect(readFileSync(join(tuned, "config.json"))).toEqual(readFileSync(join(fewer, "config.json")));
  });

  it.each([
    [["--at", "1"], "at: expected --keep-tokens <part>, got none"],
    [["--keep-tokens", "1.5"], "keep-tokens: expected a number, above 0, at most 1"],
    [["--keep-tokens", "0.5", "--at", "1,x"], "at: expected a whole number, at least 0"],
    [["--keep-tokens", "0.5", "--at", "3"], "tokens: expected blocks with attention among 0, 1, 2, got 3"],
  ])("refuses %s", async (more, message) => {
    const { exitCode, stderr } = await cli(compact(...more));
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });
});

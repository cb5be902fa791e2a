/** What is VTP's own in `secateur prune`; what searches have in common is in search.test.ts. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseMasks } from "../../src/prune/index.js";
import { cli, cliJson, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = place.model();
const data = place.data();

const search = (out: string, ...more: string[]) => [
  ...["prune", model, "--method", "vtp", "--sparsity", "0.5", "--train", data, "--batch", "8", "--lr", "0.003"],
  ...["--epochs", "2", "--out", place.path(out), ...more],
];

const keptParts = (folder: string): { kept: number; total: number } => {
  const masks = [...parseMasks(readFileSync(place.path(folder, "masks.safetensors")), folder).values()];
  const kept = masks.reduce((sum, { data }) => sum + data.reduce((n, bit) => n + bit, 0), 0);
  return { kept, total: masks.reduce((sum, { data }) => sum + data.length, 0) };
};

/** Of a block: columns of qkv, the projection and fc1, and neurons. */
const GATES = 2 * (16 + 16 + 16 + 64);
/** Of both blocks, with what no gate removes: norms, and the biases of the projection and fc2. */
const IN_BLOCKS = 2 * (48 * 17 + 16 * 17 + 64 * 17 + 16 * 65 + 64);

describe("secateur prune --method vtp", () => {
  it("removes half of the gates, and the model measures the same from its files", async () => {
    const { units, accuracy, settings } = await cliJson(search("gates", "--data", data));
    const pruned = units.reduce((sum: number, { pruned }: { pruned: number }) => sum + pruned, 0);
    expect(pruned).toBe(GATES / 2);
    expect(settings.granularity).toBe("attn.in and attn.out and mlp.in and neuron");
    const { loss } = await cliJson(["eval", place.path("gates"), "--data", data]);
    expect(loss).toBeCloseTo(accuracy.pruned.loss, 5);
  });

  it("counts parameters instead, with its own penalty and rate", async () => {
    const own = ["--count", "parameters", "--penalty", "0.3", "--gate-lr", "0.05"];
    const { settings } = await cliJson(search("parameters", ...own));
    expect(settings.finetune).toMatchObject({ count: "parameters", penalty: 0.3, gateLr: 0.05 });
    const { kept, total } = keptParts("parameters");
    expect(total - kept).toBeGreaterThanOrEqual(IN_BLOCKS / 2);
    expect(total - kept).toBeLessThan(IN_BLOCKS / 2 + 129);
  });

  it("refuses what it cannot count", async () => {
    const { exitCode, stderr } = await cli(search("none", "--count", "heads"));
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/count: expected gates, parameters, got "heads"/);
  });
});

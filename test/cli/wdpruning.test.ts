/** WDPruning from the command line: width and depth in one search. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseSafetensors } from "../../src/io/index.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = place.model();
const data = place.data();

const search = (out: string, ...more: string[]) => [
  ...["prune", model, "--method", "wdpruning", "--sparsity", "0.3", "--train", data, "--batch", "8", "--lr", "0.01"],
  ...["--epochs", "2", "--out", place.path(out), ...more],
];

describe("secateur prune --method wdpruning", () => {
  it("masks heads, neurons and rows, and tells what the network is worth at each of its depths", async () => {
    const found = await cliJson(search("found", "--data", data, "--exits", "1", "--finetune-epochs", "1"));
    expect(found).toMatchObject({ method: "wdpruning", sparsity: 0.3 });
    expect(found.settings).toMatchObject({ granularity: "head and residual and neuron" });
    expect(found.settings.finetune).toMatchObject({ exits: "1", finetuneEpochs: 1 });
    expect(found.blockDensity).toBeLessThanOrEqual(0.7);
    place.write("found.json", JSON.stringify(found));
    const [shallow, whole] = found.depths;
    expect(shallow).toMatchObject({ depth: 1 });
    expect(whole).toMatchObject({ depth: 2, top1: found.accuracy.finetuned.top1 });
    expect(shallow.parameters).toBeLessThan(whole.parameters);
    const report = JSON.parse(readFileSync(place.path("found/report.json"), "utf8"));
    expect(report.runs[0].depths).toEqual(found.depths);
    const html = readFileSync(place.path("found/report.html"), "utf8");
    expect(html).toContain("1 block<small>wdpruning");
    expect(html).toContain("2 blocks<small>wdpruning");
    expect(JSON.parse(readFileSync(place.path("found/config.json"), "utf8")).exits).toEqual([1]);
    const { tensors } = parseSafetensors(readFileSync(place.path("found/model.safetensors")), "found");
    expect([...tensors.keys()].filter((name) => name.startsWith("exits."))).toHaveLength(4);
  });

  it("ends at a depth as a smaller model in timm's names", async () => {
    const [from, masks] = [place.path("found"), place.path("found/masks.safetensors")];
    const cut = await cliJson(["compact", from, "--masks", masks, "--depth", "1", "--out", place.path("shallow")]);
    expect(cut.compact.parameters).toBeLessThan(cut.dense.parameters / 2);
    const config = JSON.parse(readFileSync(place.path("shallow/config.json"), "utf8"));
    expect(config).toMatchObject({ depth: 1 });
    expect(config).not.toHaveProperty("exits");
    const { tensors } = parseSafetensors(readFileSync(place.path("shallow/model.safetensors")), "shallow");
    expect([...tensors.keys()].filter((name) => /exits|blocks\.1/.test(name))).toEqual([]);
    const { top1 } = await cliJson(["eval", place.path("shallow"), "--data", data]);
    const { depths } = JSON.parse(readFileSync(place.path("found.json"), "utf8"));
    expect(top1).toBe(depths[0].top1);
  });

  it("refuses a depth without a classifier", async () => {
    const { exitCode, stderr } = await cli(["compact", model, "--depth", "1", "--out", place.path("refused")]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("depth: expected 2, behind which there is a classifier, got 1");
  });

  it("prints the depths as a table", async () => {
    const { stdout } = await cli(search("table", "--exits", "1", "--threshold-lr", "0.5"));
    expect(stdout).toMatch(/blocks +parameters left +top-1\n1 +[\d,]+ +–\n2 +[\d,]+ +–\n/);
  });

  it("keeps multiples, which limit what may go", async () => {
    const { units } = await cliJson(search("fours", "--multiple-of", "4"));
    for (const { kind, total, pruned } of units) if (kind !== "head") expect((total - pruned) % 4).toBe(0);
    const { exitCode, stderr } = await cli(search("refused", "--multiple-of", "16", "--sparsity", "0.9"));
    expect(exitCode).toBe(2);
    expect(stderr).toContain("as every layer keeps a unit or 16 rows, got 0.9; lower it or keep smaller multiples");
  });

  it("refuses depths that are none", async () => {
    const { exitCode, stderr } = await cli(search("refused", "--exits", "2"), { openGpu: noGpu });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("exits: expected ascending depths from 1 to below 2, got 2");
  });
});

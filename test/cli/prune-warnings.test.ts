import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { emptinessWarnings, methodWarnings, partWarnings } from "../../src/cli/prune-warnings.js";
import { encodeSafetensors } from "../../src/io/index.js";
import { methodByName, type PruneResult } from "../../src/prune/index.js";
import { layerDensity, type Run } from "../../src/report/index.js";
import { minimalReport } from "../report/fixtures.js";
import { cli, cliJson, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());

const runWith = (kept: number, total: number, layers: readonly [string, number][] = []): Run => ({
  ...minimalReport().runs[0],
  sparsity: 0.9,
  rounds: [{ round: 1, targetDensity: 0.1, kept, total, threshold: null }],
  layers: layers.map(([name, left]) => layerDensity(`${name}.weight`, [10, 10], left)),
});

describe("layers without a weight", () => {
  it("are named, and of many the first three", () => {
    const two = runWith(3, 400, [...(["a", "b"] as const).map((name): [string, number] => [name, 0]), ["c", 3]]);
    expect(emptinessWarnings({}, two)).toEqual([
      "Layers without a weight left: a, b; remove fewer, prune in more rounds, or keep a part of each layer with --floor.",
    ]);
    const five = runWith(
      3,
      600,
      [..."abcde"].map((name): [string, number] => [name, 0]),
    );
    expect(emptinessWarnings({ reference: true }, five)).toEqual([
      "Layers without a weight left: a, b, c and 2 more; remove fewer, prune in more rounds, or leave --reference out.",
    ]);
  });

  it("are all of them where nothing is left", () => {
    expect(emptinessWarnings({}, runWith(0, 1200, [["a", 0]]))).toEqual([
      expect.stringMatching(/^Nothing is left: all 1,200 units went; /),
    ]);
    expect(emptinessWarnings({}, runWith(1, 100, [["a", 1]]))).toEqual([]);
  });
});

describe("a kept part that is another than the one asked for", () => {
  const scored = (threshold: number, ...scores: number[]): Pick<PruneResult, "scores" | "rounds"> => ({
    scores: new Map([["a", { shape: [scores.length], data: Float32Array.from(scores) }]]),
    rounds: [{ round: 0, density: 0.1, kept: 0, selections: [{ threshold, pruned: 1 }] }],
  });
  const result = scored(0, 0, 0, 0, 1);

  it("is told with the ties", () => {
    expect(partWarnings({ reference: true, scope: "global" }, { run: runWith(50, 1000), result })).toEqual([
      "Asked to keep 100 (10%) of 1,000 units, kept 50 (5%): 3 scores tie with the threshold, and go with it.",
    ]);
  });

  it("is told with whole rows and multiples", () => {
    const run = runWith(125, 1000);
    expect(partWarnings({ scope: "row" }, { run, result })).toEqual([
      "Asked to keep 100 (10%) of 1,000 units, kept 125 (12.5%): each row keeps a whole number of them.",
    ]);
    expect(partWarnings({ scope: "global", multipleOf: 64 }, { run, result })).toEqual([
      "Asked to keep 100 (10%) of 1,000 units, kept 125 (12.5%): each layer keeps a multiple of 64.",
    ]);
  });

  it("is not worth a word below half a percent, or a unit", () => {
    for (const run of [runWith(100, 1000), runWith(104, 1000), runWith(2, 12)]) {
      expect(partWarnings({ scope: "global" }, { run, result })).toEqual([]);
    }
  });
});

describe("methods that are used otherwise than they are meant", () => {
  const weights = (...names: string[]) => ({
    weights: new Map(names.map((name) => [name, { shape: [1], data: Float32Array.of(1) }])),
  });
  const plain = weights("lin.0.weight");

  it.each(["synflow", "synflow-l2", "px", "ntk-sap"])("%s in one round", (name) => {
    const method = methodByName(name);
    const warning = `${name} is meant for many rounds; --rounds 100 scores anew between them.`;
    expect(methodWarnings({ method, rounds: 1 }, plain)).toEqual([warning]);
    expect(methodWarnings({ method, rounds: 2 }, plain)).toEqual([]);
  });

  it("and one that is meant for one round", () => {
    expect(methodWarnings({ method: methodByName("taylor"), rounds: 1 }, plain)).toEqual([]);
  });

  it("px with batch norm, by its authors' rule", () => {
    const batchNorm = weights("bn.weight", "bn.running_mean");
    const px = { method: methodByName("px"), rounds: 100, reference: true };
    expect(methodWarnings(px, batchNorm)).toEqual([
      expect.stringContaining("are rounding errors, and which weights stay is chance; leave --reference out"),
    ]);
    expect(methodWarnings(px, plain)).toEqual([]);
    expect(methodWarnings({ ...px, reference: false }, batchNorm)).toEqual([]);
    expect(methodWarnings({ ...px, method: methodByName("synflow") }, batchNorm)).toEqual([]);
  });
});

/** An MLP whose weights are all alike, so that all scores tie. --reference prunes its classifier too. */
function alike(): string {
  const rawConfig = { architecture: "mlp", inputs: 64, hidden: [24, 16], num_classes: 3 };
  place.write("alike/config.json", JSON.stringify(rawConfig));
  const shapes: Record<string, number[]> = { "lin.0": [24, 64], "lin.1": [16, 24], "lin.2": [3, 16] };
  const tensors = Object.entries(shapes).flatMap(([name, [out, width]]) => [
    [`${name}.weight`, { dtype: "F32", shape: [out, width], data: new Float32Array(out * width).fill(0.5) }] as const,
    [`${name}.bias`, { dtype: "F32", shape: [out], data: new Float32Array(out) }] as const,
  ]);
  place.write("alike/model.safetensors", encodeSafetensors(tensors));
  return place.path("alike");
}

describe("secateur prune", () => {
  const data = place.data();
  const prune = (model: string, ...more: string[]) => [
    ...["prune", model, "--sparsity", "0.9", "--data", data, "--out", place.path("out"), ...more],
  ];

  it("says in terminal, document and report that ties have taken everything", async () => {
    const args = prune(alike(), "--method", "magnitude", "--reference");
    const expected = [
      "Asked to keep 197 (10%) of 1,968 units, kept 0 (0%): 1,968 scores tie with the threshold, and go with it.",
      "Nothing is left: all 1,968 units went; remove fewer, prune in more rounds, or leave --reference out.",
    ];
    expect((await cliJson(args)).warnings).toEqual(expected);
    const { stdout } = await cli(args);
    const html = readFileSync(place.path("out", "report.html"), "utf8");
    expect(JSON.parse(readFileSync(place.path("out", "report.json"), "utf8")).warnings).toEqual(expected);
    for (const warning of expected) {
      expect(stdout.split("\n")).toContain(warning);
      expect(html).toContain(`<li>${warning}</li>`);
    }
    expect(html).toContain("<title>magnitude removes 100% of");
  });

  it("says which layer went as a whole", async () => {
    const { warnings } = await cliJson(prune(alike(), "--method", "magnitude"));
    expect(warnings).toEqual([expect.stringMatching(/^Layers without a weight left: lin\.\d; remove fewer/)]);
  });
});

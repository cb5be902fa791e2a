import { expect, test } from "vitest";
import { describeRun } from "../../src/cli/describe-run.js";
import type { PruneResult } from "../../src/prune/prune.js";

const layer = (name: string, kind: "fc1" | "classifier") => ({
  name,
  kind,
  out: 2,
  in: 2,
  hasBias: true,
  applications: 3,
});

const mask = (shape: number[], ...data: number[]) => ({ shape, data: Uint8Array.from(data) });

/** Row 0 of a layer of two rows is removed, with its bias. */
const result: Omit<PruneResult, "report"> = {
  space: {
    count: 2,
    groups: [{ name: "blocks.0.mlp.fc1", units: 2, offset: 0, members: [], cost: { parameters: 3, flops: 12 } }],
  },
  masks: new Map([
    ["blocks.0.mlp.fc1.weight", mask([2, 2], 0, 0, 1, 1)],
    ["blocks.0.mlp.fc1.bias", mask([2], 0, 1)],
  ]),
  scores: new Map([["blocks.0.mlp.fc1", { shape: [2], data: Float32Array.of(1, 4) }]]),
  kept: new Map([["blocks.0.mlp.fc1", Uint8Array.of(0, 1)]]),
  rounds: [{ round: 0, density: 0.5, kept: 1, selections: [{ threshold: 1, pruned: 1 }] }],
};

test("describes what was removed, weights and biases", () => {
  const run = describeRun({
    model: { parameters: 20, flops: 100 },
    layers: [layer("blocks.0.mlp.fc1", "fc1"), layer("head", "classifier")],
    weightShape: () => [2, 2],
    method: "magnitude",
    sparsity: 0.5,
    result,
    pruned: null,
  });
  expect(run.parameters).toBe(17);
  expect(run.flops).toBe(100 - 2 * 2 * 3);
  expect(run.rounds).toEqual([{ round: 1, targetDensity: 0.5, kept: 1, total: 2, threshold: 1 }]);
  expect(run.layers.map(({ name, kind, kept }) => [name, kind, kept])).toEqual([["blocks.0.mlp.fc1.weight", "fc1", 2]]);
  expect(run.histograms).toHaveLength(1);
  expect(run.histograms[0]).toMatchObject({ label: "all layers", threshold: 1 });
});

test("draws no threshold where layers were ranked apart, or nothing was pruned", () => {
  const selections = [
    { threshold: 1, pruned: 1 },
    { threshold: 2, pruned: 1 },
  ];
  const thresholds = [selections, [{ threshold: Number.NaN, pruned: 0 }]].map((ranges) => {
    const rounds = [{ ...result.rounds[0], selections: ranges }];
    return describeRun({
      model: { parameters: 20, flops: null },
      layers: [layer("blocks.0.mlp.fc1", "fc1")],
      weightShape: () => [2, 2],
      method: "magnitude",
      sparsity: 0.5,
      result: { ...result, rounds },
      pruned: null,
    }).histograms[0].threshold;
  });
  expect(thresholds).toEqual([null, null]);
});

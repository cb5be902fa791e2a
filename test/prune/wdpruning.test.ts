/** WDPruning's search on a tiny ViT: what its steps move, what it leaves, and the budget that it ends at. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { Dataset } from "../../src/io/index.js";
import type { ViT } from "../../src/nn/index.js";
import { runSearch, type SearchResult, wdpruning } from "../../src/prune/index.js";
import { RankedGates } from "../../src/prune/search/ranked-gates.js";
import {
  fitBudget,
  keptCount,
  keptParameters,
  keptUnits,
  type LearnedBranch,
} from "../../src/prune/search/wdpruning-selection.js";
import { backward, crossEntropy, Gradients, mean, Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const BATCH = 16;
const options = (steps: number) => ({ epochs: steps, batchSize: BATCH, learningRate: 1e-3, warmup: 0 });

const partOfBlocks = (model: ViT, { masks }: SearchResult): number => {
  let [kept, all] = [0, 0];
  for (const { name, size } of model.parameters) {
    if (!name.startsWith("blocks.")) continue;
    all += size;
    kept += masks.get(name)?.data.reduce((sum, bit) => sum + bit, 0) ?? size;
  }
  return kept / all;
};

/** Of the mean loss over all examples. */
async function gradientsOf(model: ViT, data: Dataset): Promise<Gradients> {
  const images = await data.read(Int32Array.from({ length: BATCH }, (_, i) => i));
  const { logits } = model.forward(Tensor.from(gpu, images, [BATCH, ...data.sampleShape]));
  const labels = Tensor.from(gpu, Uint32Array.from(data.labels));
  return backward(mean(crossEntropy({ logits, labels }, { smoothing: 0 })));
}

describe("a search", () => {
  test("ends at the budget, without gates, with rows that are zero together with their biases", async () => {
    const model = tinyViT(gpu);
    const method = wdpruning({ roundTo: 4 });
    const result = await runSearch(model, method, {
      data: quadrantData(BATCH, 1),
      options: options(12),
      sparsity: 0.5,
    });
    expect([...model.gates]).toHaveLength(0);
    expect(partOfBlocks(model, result)).toBeLessThanOrEqual(0.5);
    expect(partOfBlocks(model, result)).toBeGreaterThan(0.4);
    expect(result.removed).toBeCloseTo(1 - partOfBlocks(model, result), 9);
    const rows = result.kept.get("blocks.1.mlp.residual")!;
    expect(rows.reduce((sum, bit) => sum + bit, 0) % 4).toBe(0);
    expect(Array.from(result.masks.get("blocks.1.mlp.fc2.bias")!.data)).toEqual(Array.from(rows));
    model.release();
  });

  test("moves scores against the gradients of their gates, each by its rate in the first step", async () => {
    const data = quadrantData(BATCH, 2);
    const steps: Float32Array[] = [];
    const places = ["blocks.0.attn.qkvHead", "blocks.0.attn.residual", "blocks.1.mlp.hidden", "blocks.1.mlp.residual"];
    const model = tinyViT(gpu, 3);
    const gates = places.map((place) => {
      const gate = Tensor.from(gpu, new Float32Array(model.gates.places.get(place)!.units[0]).fill(1));
      gate.requiresGradient = true;
      model.gates.set(place, gate);
      return gate;
    });
    const gradients = await gradientsOf(model, data);
    for (const gate of gates) steps.push(await gradients.get(gate)!.read());
    model.gates.clear();

    const method = wdpruning({ thresholdLearningRate: 0.01, roundTo: 4 });
    const { scores } = await runSearch(model, method, { data, options: options(1), sparsity: 0.5 });
    places.forEach((place, index) => {
      const group = place.replace("attn.qkvHead", "attn.head").replace("mlp.hidden", "mlp.neuron");
      const got = scores.get(group)!.data;
      steps[index].forEach((gradient, i) => {
        if (Math.abs(gradient) > 1e-5) expect(got[i], `${group} ${i}`).toBeCloseTo(-0.01 * Math.sign(gradient), 4);
      });
    });
    model.release();
  });

  test("lets no threshold rise above a limit, as nothing would bring it back", async () => {
    const model = tinyViT(gpu, 6);
    const places = [0, 1].map((block) => {
      return { place: `blocks.${block}.mlp.hidden`, offset: 32 * block, count: 32, roundTo: 1 };
    });
    for (const highestThreshold of [5, Number.POSITIVE_INFINITY]) {
      using gates = new RankedGates(model, places, { initialThreshold: 5, scoreDecay: 0, highestThreshold });
      gates.thresholds.rate.prepare(0, 0.5);
      // The loss would fall if the first gates opened further, and if the second closed.
      const slopes = [-1, 1].map((slope) => Tensor.from(gpu, new Float32Array(32).fill(slope)));
      gates.update(new Gradients(new Map(places.map(({ place }, i) => [model.gates.get(place)!, slopes[i]]))));
      const [rising, falling] = await gates.thresholds.values.read();
      expect(rising).toBeCloseTo(Math.min(5.5, highestThreshold), 4);
      expect(falling).toBeCloseTo(4.5, 4);
    }
    model.release();
  });

  test("by the letter does not fit the budget, and lets scores follow the weights' rate", async () => {
    const model = tinyViT(gpu, 4);
    const run = { data: quadrantData(BATCH, 4), options: options(2), sparsity: 0.3, reference: true };
    const result = await runSearch(model, wdpruning(), run);
    expect(partOfBlocks(model, result)).toBe(1);
    for (const { data } of result.scores.values()) expect(Math.max(...data.map(Math.abs))).toBeLessThan(2.1e-3);
    model.release();
  });

  test("refuses what no masks can reach, and options out of range", () => {
    const model = tinyViT(gpu);
    const start = (sparsity: number, own = {}) =>
      wdpruning(own).start(model, { sparsity, totalSteps: 10, learningRate: 1e-3 });
    expect(() => start(0.99)).toThrow(/sparsity: expected at most 0\.\d+/);
    expect(() => start(0.5, { roundTo: 0 })).toThrow("roundTo");
    expect(() => start(0.5, { lambdaLearningRate: 0 })).toThrow("lambdaLearningRate");
    expect([...model.gates]).toHaveLength(0);
    model.release();
  });
});

describe("the end of a search", () => {
  const ranked = (count: number, threshold: number, seed: number, roundTo = 1) => ({
    scores: normals(count, seed),
    threshold,
    roundTo,
  });

  test("keeps the largest scores, as many as the threshold says", () => {
    expect(keptCount(ranked(12, 10, 1))).toBe(12);
    expect(keptCount(ranked(12, 0.3, 1))).toBe(7);
    expect(keptCount(ranked(64, 1.1, 1, 16))).toBe(48);
    expect(keptCount(ranked(40, 0.2, 1, 16))).toBe(22);
    expect(keptCount(ranked(48, -100, 1, 16))).toBe(16);
    const units = ranked(30, -0.5, 2);
    const keep = keptUnits(units);
    const lowestKept = Math.min(...units.scores.filter((_, i) => keep[i]));
    expect(keep.reduce((sum, bit) => sum + bit, 0)).toBe(keptCount(units));
    expect(Math.max(...units.scores.filter((_, i) => !keep[i]))).toBeLessThan(lowestKept);
  });

  test("moves all thresholds alike, up or down, to the last unit that the budget has room for", () => {
    const branches = [3, 7, 11].map(
      (seed): LearnedBranch => ({
        units: 24,
        unitWeights: 24 * 8,
        unitBiases: 24,
        rows: 40,
        rowWeights: 24 * 40,
        rankedUnits: ranked(24, seed / 3, seed),
        rankedRows: ranked(40, -seed / 4, seed + 1),
      }),
    );
    for (const part of [0.2, 0.5, 0.9]) {
      const most = part * 3 * (24 * 9 + 24 * 40 + 40);
      const fitted = fitBudget(branches, most);
      const shift = fitted[0].rankedRows.threshold - branches[0].rankedRows.threshold;
      expect(fitted[2].rankedUnits.threshold - branches[2].rankedUnits.threshold).toBeCloseTo(shift, 9);
      expect(keptParameters(fitted)).toBeLessThanOrEqual(most);
      expect(keptParameters(fitted)).toBeGreaterThan(most - 24 * 9 - 24 * 40);
    }
  });
});

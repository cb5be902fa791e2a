import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { Scorer } from "../../src/prune/index.js";
import { gateTaylor, keptByShape, shapesOfSize, shapeUnits } from "../../src/prune/shapes.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

/** Width 16, heads of 8, two of them; 32 neurons: [3 * 16 * 17, 16 * 17, 32 * 17, 16 * 33] and norms. */
const BLOCK = 48 * 17 + 16 * 17 + 32 * 17 + 16 * 33 + 64;
const HEAD_DIM = 2 * (3 * 17 + 16);
const NEURON = 2 * 16 + 1;

describe("shapes of one size", () => {
  test("each depth gets the width that is left for it, to less than a neuron a block", () => {
    const space = shapeUnits(tinyViT(gpu, 1, { depth: 4 }));
    for (const sparsity of [0.2, 0.5, 0.6]) {
      const budget = (1 - sparsity) * 4 * BLOCK;
      const shapes = shapesOfSize(space, sparsity);
      expect(shapes.map(({ depth }) => depth)).toEqual([4, 3, 2].filter((depth) => depth * BLOCK >= budget));
      for (const { depth, headDim, neurons, parameters, width } of shapes) {
        const each = BLOCK - (8 - headDim) * HEAD_DIM - (32 - neurons) * NEURON;
        expect(parameters).toBe(depth * each);
        expect(width).toBeCloseTo(each / BLOCK, 12);
        expect(parameters).toBeLessThanOrEqual(budget);
        expect(parameters).toBeGreaterThan(budget - depth * (NEURON + 1));
      }
    }
  });

  test("a depth that is the whole budget keeps its width", () => {
    const [wide] = shapesOfSize(shapeUnits(tinyViT(gpu, 1, { depth: 4 })), 0.5).slice(-1);
    expect(wide).toEqual({ depth: 2, headDim: 8, neurons: 32, parameters: 2 * BLOCK, width: 1 });
  });
});

describe("units of a shape", () => {
  test("the blocks with the highest scores, and in each block its own best", () => {
    const space = shapeUnits(tinyViT(gpu, 1, { depth: 4 }));
    const scores = normals(space.count, 3).map(Math.abs);
    const [, , shape] = shapesOfSize(space, 0.5).map((each) => ({ ...each, depth: 3, headDim: 5, neurons: 9 }));
    const keep = keptByShape(space, scores, shape);
    const blocks = space.groups.filter(({ name }) => name.endsWith(".block")).map(({ offset }) => offset);
    expect(blocks.map((index) => keep[index]).reduce((sum, bit) => sum + bit, 0)).toBe(3);
    const dropped = blocks.find((index) => !keep[index])!;
    expect(scores[dropped]).toBe(Math.min(...blocks.map((index) => scores[index])));
    for (const { name, offset, units } of space.groups) {
      if (units === 1) continue;
      const kept = Array.from({ length: units }, (_, i) => offset + i).filter((index) => keep[index]);
      const gone = Array.from({ length: units }, (_, i) => offset + i).filter((index) => !keep[index]);
      expect(kept.length).toBe(name.endsWith("headDim") ? 5 : 9);
      expect(Math.min(...kept.map((index) => scores[index]))).toBeGreaterThan(
        Math.max(...gone.map((index) => scores[index])),
      );
    }
  });

  test("one pass over the data scores blocks, head dimensions and neurons", async () => {
    const model = tinyViT(gpu);
    const space = shapeUnits(model);
    const scorer = new Scorer(model, space, gateTaylor, { calibration: quadrantData(12, 4), batchSize: 4, seed: 0 });
    await scorer.score();
    const scores = await scorer.scores.read();
    scorer.release();
    expect(scores.length).toBe(2 * (1 + 8 + 32));
    expect(scores.every((score) => score > 0 && Number.isFinite(score))).toBe(true);
  });
});

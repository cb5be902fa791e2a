import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { ViTConfig } from "../../src/io/config.js";
import { initialViTWeights, ViT } from "../../src/nn/index.js";
import { gateTaylor } from "../../src/prune/criteria/index.js";
import { byGroup, Scorer } from "../../src/prune/index.js";
import { cutToShape, keptByShape, shapesOfSize, shapeUnits } from "../../src/prune/shapes.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";
import { quadrantData, tinyConfig, tinyViT } from "../harness/tiny-vit.js";

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

test("neurons in multiples", () => {
  const space = shapeUnits(tinyViT(gpu, 1, { depth: 4 }));
  const exact = shapesOfSize(space, 0.45);
  const rounded = shapesOfSize(space, 0.45, 8);
  expect(rounded.map(({ neurons }) => neurons)).toEqual(exact.map(({ neurons }) => neurons - (neurons % 8)));
});

test("nothing is refused that leaves a neuron, and what leaves none is", () => {
  const space = shapeUnits(tinyViT(gpu, 1, { depth: 4 }));
  expect(() => shapesOfSize(space, 0.99)).toThrow(/^sparsity: expected one that leaves a block with 1 neurons/);
});

test("blocks that differ have no common shape", () => {
  const { blocks, ...config } = tinyConfig();
  const [first] = blocks;
  const ragged = { ...config, blocks: [first, { ...first, mlp: { hidden: 16 } }] };
  const model = new ViT(gpu, ragged, initialViTWeights(ragged, 1));
  expect(() => shapeUnits(model)).toThrow(
    /^shapes: expected a ViT with blocks of one size, got one that was cut; start/,
  );
});

describe("units of a shape", () => {
  test("the blocks with the highest scores, and in each block its own best", () => {
    const space = shapeUnits(tinyViT(gpu, 1, { depth: 4 }));
    const scores = new Map(space.groups.map(({ name, units }, i) => [name, normals(units, i).map(Math.abs)]));
    const kept = keptByShape(space, scores, { depth: 3, headDim: 5, neurons: 9, parameters: 0, width: 0 });
    const blocks = [0, 1, 2, 3].map((index) => `blocks.${index}.block`);
    const lowest = blocks.toSorted((a, b) => scores.get(a)![0] - scores.get(b)![0])[0];
    expect(blocks.filter((name) => kept.get(name)![0] === 0)).toEqual([lowest]);
    for (const { name, units } of space.groups) {
      if (units === 1) continue;
      const keep = kept.get(name)!;
      const of = scores.get(name)!;
      expect(keep.reduce((sum, bit) => sum + bit, 0)).toBe(name.endsWith("headDim") ? 5 : 9);
      expect(Math.min(...of.filter((_, i) => keep[i]))).toBeGreaterThan(Math.max(...of.filter((_, i) => !keep[i])));
    }
  });

  test("one pass over the data scores all of them, and every shape is cut from the same scores", async () => {
    const model = tinyViT(gpu, 1, { depth: 3 });
    const space = shapeUnits(model);
    const scorer = new Scorer(model, space, gateTaylor, { calibration: quadrantData(12, 4), batchSize: 4, seed: 0 });
    await scorer.score();
    const all = await scorer.scores.read();
    scorer.release();
    expect(all.length).toBe(3 * (1 + 8 + 32));
    expect(all.every((score) => score > 0 && Number.isFinite(score))).toBe(true);
    const scores = byGroup(space, (offset, units) => all.slice(offset, offset + units));
    for (const shape of shapesOfSize(space, 0.4)) {
      const { config, weights } = await cutToShape(model, space, scores, shape);
      const { blocks } = config as ViTConfig;
      expect(blocks.length).toBe(shape.depth);
      for (const { attention, mlp } of blocks) {
        expect([attention!.headDim, mlp!.hidden]).toEqual([shape.headDim, shape.neurons]);
      }
      const inBlocks = [...weights].filter(([name]) => name.startsWith("blocks."));
      expect(inBlocks.reduce((sum, [, { data }]) => sum + data.length, 0)).toBe(shape.parameters);
      expect([...model.parameters].some(({ mask }) => mask)).toBe(false);
    }
  });
});

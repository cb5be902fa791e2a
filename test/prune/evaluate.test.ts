/** What evaluating a score holds on to, and what it makes of removed weights. */
import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { Model } from "../../src/nn/index.js";
import {
  type AnySaliency,
  CRITERIA,
  clearMasks,
  map,
  type Saliency,
  Scorer,
  sum,
  sumOfLarger,
  type UnitSpace,
  unitSpace,
  writeMasks,
} from "../../src/prune/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { randomGenerator } from "../harness/random.js";
import { tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
let model: Model;
beforeAll(async () => {
  gpu = await sharedGpu();
  model = tinyViT(gpu, 3, { depth: 8 });
});

async function score(saliency: AnySaliency, space: UnitSpace): Promise<Map<string, Float32Array>> {
  const scorer = new Scorer(model, space, saliency, { batchSize: 8, seed: 0 });
  await scorer.score();
  const all = await scorer.scores.read();
  scorer.release();
  return new Map(space.groups.map(({ name, offset, units }) => [name, all.slice(offset, offset + units)]));
}

test.each<[string, Saliency["score"]]>([
  ["reductions over a layer", ({ weight }) => map("a / n", { a: weight, n: sum(weight, "layer") })],
  ["a total", ({ weight }) => map("a / n", { a: weight, n: sum(map("abs(w)", { w: weight }), "model") })],
  ["sums of larger ones", ({ weight }) => sumOfLarger(map("w * w", { w: weight }))],
])("memory for %s is that of one group, not of all", async (_, of) => {
  const space = unitSpace(model, "weight");
  const scorer = new Scorer(model, space, { needs: ["weight"], score: of }, { batchSize: 8, seed: 0 });
  await scorer.score();
  const largest = Math.max(...space.groups.map(({ units }) => units));
  const held = gpu.memory.inUse;
  const grown: number[] = [];
  const allocate = gpu.allocate.bind(gpu);
  gpu.allocate = (bytes) => {
    const buffer = allocate(bytes);
    grown.push(gpu.memory.inUse - held);
    return buffer;
  };
  try {
    scorer.evaluate();
  } finally {
    gpu.allocate = allocate;
  }
  expect(space.count * 4).toBeGreaterThan(10 * largest * 4);
  // Sorting takes eight buffers of a group's size and histograms.
  expect(Math.max(0, ...grown)).toBeLessThan(10 * largest * 4 + 16_384);
  expect(gpu.memory.inUse).toBe(held);
  scorer.release();
});

test("totals inside of totals", async () => {
  const space = unitSpace(model, "weight");
  const share: Saliency = {
    needs: ["weight"],
    score: ({ weight }) => {
      const a = map("abs(w)", { w: weight });
      const part = map("a / t", { a, t: sum(a, "model") });
      return map("p / t", { p: part, t: sum(part, "model") });
    },
  };
  const shares = [...(await score(share, space)).values()].flatMap((scores) => [...scores]);
  expect(shares.reduce((total, each) => total + each, 0)).toBeCloseTo(1, 5);
});

test("removed weights count for nothing in what is left of a layer", async () => {
  const space = unitSpace(model, "weight");
  const random = randomGenerator(4);
  const masks = new Map(
    space.groups.map(({ name, units }) => [
      `${name}.weight`,
      {
        shape: [...model.parameters.get(`${name}.weight`).value.shape],
        data: Uint8Array.from({ length: units }, () => Number(random() < 0.5)),
      },
    ]),
  );
  writeMasks(model, masks);
  const kept = await score({ needs: ["keptWeight"], score: ({ keptWeight }) => keptWeight }, space);
  const [lamp, normalized] = [CRITERIA.get("lamp")!, CRITERIA.get("magnitude-normalized")!];
  const [byLamp, byNorm] = [await score(lamp, space), await score(normalized, space)];
  for (const [name, weights] of kept) {
    const dense = await model.parameters.get(`${name}.weight`).value.read();
    const { data: bits } = masks.get(`${name}.weight`)!;
    expect(weights).toEqual(dense.map((w, i) => (bits[i] ? w : 0)));
    const norm = Math.hypot(...weights);
    const squares = weights.map((w) => w * w);
    weights.forEach((w, i) => {
      const larger = squares.reduce((total, q) => total + (q >= squares[i] ? q : 0), 0);
      expect(byLamp.get(name)![i]).toBeCloseTo(squares[i] / larger, 5);
      expect(byNorm.get(name)![i]).toBeCloseTo(Math.abs(w) / norm, 5);
    });
  }
  clearMasks(model);
});

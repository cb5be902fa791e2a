/** What expressions become: kernels, dispatches, messages. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { Model, Parameter } from "../../src/nn/index.js";
import {
  type AnySaliency,
  CRITERIA,
  clearMasks,
  l2,
  map,
  mean,
  prune,
  type Saliency,
  Scorer,
  sum,
  unitSpace,
} from "../../src/prune/index.js";
import { backward, crossEntropy, mean as meanOf, Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
let model: Model;
beforeAll(async () => {
  gpu = await sharedGpu();
  model = tinyViT(gpu, 3);
});

const BATCH = 8;
const calibration = quadrantData(BATCH, 8);
const scorerOf = (saliency: AnySaliency, by: "weight" | "row" = "weight") =>
  new Scorer(model, unitSpace(model, by), saliency, { calibration, batchSize: BATCH, seed: 0 });

async function score(saliency: AnySaliency, by?: "weight" | "row"): Promise<Float32Array> {
  const scorer = scorerOf(saliency, by);
  await scorer.score();
  const scores = await scorer.scores.read();
  scorer.release();
  return scores;
}

describe("what the compiler refuses is named as it was written", () => {
  const refused = (of: Saliency<"weight" | "inputVariance">["score"]) =>
    expect(score({ needs: ["weight", "inputVariance"], score: of }).then(() => "compiled")).rejects;

  test("in a map inside of maps", async () => {
    await refused(({ weight }) => {
      const inner = map("abs(w) + min(w)", { w: weight });
      return map("2.0 *\n  (x + y)", { x: map("k * a", { a: inner, k: 3 }), y: weight });
    }).toThrow(/^map "abs\(w\) \+ min\(w\)": .*min.* at column 10; correct/s);
  });

  test("behind and around maps and composite sources", async () => {
    await refused(({ weight, inputVariance }) =>
      map("w * v +\n  v * max(w)", { w: map("abs(w) + 1.0", { w: weight }), v: inputVariance }),
    ).toThrow(/^map "w \* v \+\n {2}v \* max\(w\)": .*max.* at line 2, column 7; correct/s);
    await refused(({ inputVariance }) => map("v + select(v, 1u, v > 0.0)", { v: inputVariance })).toThrow(
      /^map "v \+ select\(v, 1u, v > 0\.0\)": .* at column 5; correct/s,
    );
  });

  test("in an L2 norm", async () => {
    await refused(({ weight }) => l2(map("w * max(w)", { w: weight }), "row")).toThrow(
      /^map "w \* max\(w\)": .*max.* at column 5; correct/s,
    );
  });
});

describe("numbers", () => {
  const scaled = (k: number): Saliency => ({
    needs: ["weight"],
    score: ({ weight }) => map("k * a + b", { a: map("abs(w) * k", { w: weight, k: k + 1 }), k, b: 0.5 }),
  });

  test("of other values take no other kernel", async () => {
    const w = await score({ needs: ["weight"], score: ({ weight }) => weight });
    await score(scaled(2));
    const { pipelines } = gpu.counters;
    for (const k of [1 / 3, -7, 1e-20]) {
      const want = w.map((x) => k * Math.abs(x) * (k + 1) + 0.5);
      (await score(scaled(k))).forEach((got, i) => void expect(Math.abs(got - want[i])).toBeLessThan(1e-5));
    }
    expect(gpu.counters.pipelines).toBe(pipelines);
  });

  test("of values in a mean take no other kernel", async () => {
    const rows: Saliency = { needs: ["weight"], score: ({ weight }) => map("m", { m: mean(weight, "row") }) };
    await score(rows); // rows of 16 and of 32 weights
    const { pipelines } = gpu.counters;
    await score({ ...rows, score: ({ weight }) => map("m", { m: mean(weight, "layer") }) });
    expect(gpu.counters.pipelines - pipelines, "those that sum over a layer").toBeLessThan(4);
  });

  test("have to be f32", () => {
    expect(() => map("k", { k: 1e39 })).toThrow(/expected a source or a finite f32 for k, got 1e\+39/);
  });
});

test("compensation may look only at what the saliency needs", async () => {
  const curious: Saliency = {
    name: "curious",
    needs: ["weight", "inputMean"],
    score: ({ weight }) => map("abs(w)", { w: weight }),
    compensate: ({ source }) => void source("inputMoment"),
  };
  const pruned = prune(model, { saliency: curious, sparsity: 0.5, calibration, batchSize: BATCH });
  await expect(pruned).rejects.toThrow(
    "curious: expected one of its needs (weight, inputMean), got inputMoment; add it to needs",
  );
  clearMasks(model);
});

describe("the dispatches of a saliency are those of code written by hand", () => {
  const dispatchesOf = (fn: () => void): number => {
    const before = gpu.counters.dispatches;
    fn();
    gpu.flush();
    return gpu.counters.dispatches - before;
  };
  /**
   * Forward and backward over a batch, with gradients of what is scored, and one more for each statistic of each scored parameter. A statistic that is
   * alone takes none: the product that makes the gradient adds it up.
   */
  function byHand(statistics: number): number {
    using _scope = gpu.scope();
    const images = Tensor.zeros(gpu, [BATCH, ...model.sampleShape]);
    const labels = Tensor.zeros(gpu, [BATCH], "u32");
    const { groups } = unitSpace(model, "weight");
    const isScored = ({ name }: Parameter) => groups.some(({ members }) => members.some((m) => m.parameter === name));
    const step = dispatchesOf(() =>
      model.parameters.withGradients(isScored, () => {
        const { logits } = model.forward(images);
        backward(meanOf(crossEntropy({ logits, labels }, { smoothing: 0 })));
      }),
    );
    return step + (statistics > 1 ? statistics * groups.length : 0);
  }
  const custom: Saliency = {
    needs: ["weight", "gradientAbsolute", "gradientSquared"],
    score: ({ weight, gradientAbsolute: a, gradientSquared: q }) =>
      map("x / sqrt(q + tiny)", { x: map("abs(w) * a", { w: weight, a }), q, tiny: 1e-12 }),
  };

  test.each([
    ["taylor", CRITERIA.get("taylor")!, 1],
    ["of two sources", custom, 2],
  ] as const)("%s", async (_, saliency, statistics) => {
    const scorer = scorerOf(saliency);
    await scorer.score(); // records
    const { groups } = scorer.space;
    expect(dispatchesOf(() => scorer.evaluate())).toBe(groups.length);
    const before = gpu.counters.dispatches;
    await scorer.score();
    expect(gpu.counters.dispatches - before).toBe(byHand(statistics) + groups.length);
    scorer.release();
  });

  test("by row: one for each parameter of a unit", async () => {
    const scorer = scorerOf({ needs: ["weight"], score: ({ weight }) => sum(map("abs(w)", { w: weight })) }, "row");
    await scorer.score();
    const parameters = scorer.space.groups.reduce((count, { members }) => count + members.length, 0);
    expect(dispatchesOf(() => scorer.evaluate())).toBe(parameters);
    scorer.release();
  });
});

/** Saliencies written as users write them, against plain loops over what was read back. */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { map, prune, type Saliency } from "../../src/index.js";
import { arrayDataset, inputSpec, parseModelConfig } from "../../src/io/index.js";
import { architectureOf, createModel, type Model } from "../../src/nn/index.js";
import {
  type AnySaliency,
  CRITERIA,
  clearMasks,
  defineSaliency,
  everyParameter,
  type Granularity,
  gradientTotal,
  l2,
  max,
  mean,
  obs,
  Pruner,
  Scorer,
  type SourceName,
  sum,
  sumOfLarger,
  type UnitSpace,
  unitSpace,
} from "../../src/prune/index.js";
import { backward, crossEntropy, hessianVectorProduct, mean as meanOf, Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
let model: Model;
beforeAll(async () => {
  gpu = await sharedGpu();
  model = tinyViT(gpu, 3);
});

const calibration = quadrantData(24, 8);
const BATCH = 8;

type Scores = ReadonlyMap<string, Float32Array>;

/** Scores by group. */
async function score(saliency: AnySaliency, space: UnitSpace, batchSize = BATCH): Promise<Scores> {
  const scorer = new Scorer(model, space, saliency, { calibration, batchSize, seed: 0 });
  await scorer.score();
  const all = await scorer.scores.read();
  scorer.release();
  return new Map(space.groups.map(({ name, offset, units }) => [name, all.slice(offset, offset + units)]));
}

const weights = () => unitSpace(model, "weight");

/** Gradients of each parameter by batch. */
async function gradientsByBatch(batchSize: number): Promise<Map<string, Float32Array>[]> {
  const batches: Map<string, Float32Array>[] = [];
  for (let start = 0; start < calibration.length; start += batchSize) {
    using _scope = gpu.scope();
    const indices = Array.from({ length: batchSize }, (_, i) => start + i);
    const images = Tensor.from(gpu, await calibration.read(indices), [batchSize, ...calibration.sampleShape]);
    const labels = Tensor.from(
      gpu,
      Uint32Array.from(indices, (index) => calibration.labels[index]),
    );
    const gradients = backward(
      meanOf(crossEntropy({ logits: model.forward(images).logits, labels }, { smoothing: 0 })),
    );
    const found = new Map<string, Float32Array>();
    for (const { name, value } of model.parameters) found.set(name, await gradients.get(value)!.read());
    batches.push(found);
  }
  return batches;
}

/** Inputs and outputs of each layer over all of the data, row by row, and activations at gates. */
async function activations() {
  const inputs = new Map<string, number[][]>();
  const sites = new Map<string, number[][]>();
  using _scope = gpu.scope();
  const indices = Array.from({ length: calibration.length }, (_, i) => i);
  const images = Tensor.from(gpu, await calibration.read(indices), [calibration.length, ...calibration.sampleShape]);
  const seen: [Map<string, number[][]>, string, Tensor][] = [];
  images.requiresGradient = true; // keeps every activation
  model.forward(images, {
    observer: {
      layer: (name, input) => void seen.push([inputs, name, input]),
      site: (key, activation) => void seen.push([sites, key, activation]),
    },
  });
  for (const [into, name, tensor] of seen) {
    const values = await tensor.read();
    const width = tensor.shape.at(-1)!;
    into.set(
      name,
      Array.from({ length: tensor.size / width }, (_, row) => [...values.subarray(row * width, (row + 1) * width)]),
    );
  }
  return { inputs, sites };
}

const value = (name: string) => model.parameters.get(name).value.read();

function expectClose(got: ArrayLike<number>, want: ArrayLike<number>, relative = 1e-5): void {
  let largest = 0;
  for (let i = 0; i < want.length; i++) largest = Math.max(largest, Math.abs(want[i]));
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    expect(Math.abs(got[i] - want[i]), `${i}: ${got[i]} for ${want[i]}`).toBeLessThanOrEqual(relative * largest);
  }
}

describe("a saliency as the design shows it", () => {
  const wanda: Saliency = {
    needs: ["weight", "inputNorm"],
    score: ({ weight, inputNorm }) => map("abs(w) * n", { w: weight, n: inputNorm }),
  };

  test("prunes, and scores |w| times the norm of the inputs", async () => {
    const { masks, scores, report } = await prune(model, {
      saliency: wanda,
      granularity: "weight",
      scope: "layer",
      sparsity: 0.6,
      calibration,
    });
    clearMasks(model);
    const { inputs } = await activations();
    for (const [name, { data }] of scores) {
      const w = await value(`${name}.weight`);
      const rows = inputs.get(name)!;
      const norms = rows[0].map((_, column) => Math.sqrt(rows.reduce((total, row) => total + row[column] ** 2, 0)));
      expectClose(
        data,
        w.map((weight, i) => Math.abs(weight) * norms[i % norms.length]),
      );
    }
    for (const { data } of masks.values())
      expect(data.reduce((a, b) => a + b)).toBe(data.length - Math.floor(0.6 * data.length));
    expect(report.layers.map(({ kept }) => kept)).toEqual(
      [...masks.values()].map(({ data }) => data.reduce((a, b) => a + b, 0)),
    );
  });

  test("may not use what needs does not name", async () => {
    const wrong = defineSaliency({
      needs: ["weight"],
      // @ts-expect-error: inputNorm is not among the needs
      score: ({ weight, inputNorm }) => map("abs(w) * n", { w: weight, n: inputNorm }),
    });
    await expect(score(wrong, weights())).rejects.toThrow(
      /expected one of its needs \(weight\), got "inputNorm"; add it to needs/,
    );
    const pruned = prune(model, {
      // @ts-expect-error: nor inside of prune
      saliency: { needs: ["weight"], score: ({ gradient }) => gradient },
      sparsity: 0.5,
      calibration,
    });
    await expect(pruned).rejects.toThrow(/got "gradient"; add it to needs/);
    const unused = [
      // @ts-expect-error: nor inside of a Pruner
      () => new Pruner(model, { saliency: { needs: ["weight"], score: ({ gradient }) => gradient }, sparsity: 0.5 }),
      // @ts-expect-error: no such source
      () => prune(model, { saliency: { needs: ["wieght"], score: () => map("1.0", {}) }, sparsity: 0.5 }),
      () => new Pruner(model, { saliency: obs, sparsity: 0.5, calibration }),
      () =>
        prune(model, {
          saliency: { needs: ["moved"], sources: { moved: gradientTotal("abs(g)") }, score: ({ moved }) => moved },
          sparsity: 0.5,
          calibration,
        }),
    ];
    expect(unused.length).toBe(4);
    // @ts-expect-error: no such source
    expect(() => defineSaliency({ needs: ["wieght"], score: () => map("1.0", {}) })).toThrow(
      /expected sources among weight, keptWeight, .*, got "wieght" in needs/,
    );
    await expect(score({ needs: ["wieght"], score: () => map("1.0", {}) }, weights())).rejects.toThrow(
      /expected sources among weight, keptWeight, random, .*, got "wieght" in needs/,
    );
  });

  test("gives the WGSL error at the user's line", async () => {
    const at = (text: string) =>
      score({ needs: ["weight"], score: ({ weight }) => map(text, { w: weight }) }, weights());
    await expect(at("abs(w")).rejects.toThrow(/closing parenthesis/);
    await expect(at("w * wv")).rejects.toThrow(/got "wv" at column 5/);
    await expect(at("w +\n  select(w, 1u,\n w > 0.0)")).rejects.toThrow(/line 2/);
  });
});

describe("sources", () => {
  test("of gradients, by batch and by example", async () => {
    const batches = await gradientsByBatch(BATCH);
    const examples = await gradientsByBatch(1);
    const total = (all: Map<string, Float32Array>[], name: string, term: (g: number) => number) =>
      all[0].get(name)!.map((_, i) => all.reduce((before, each) => before + term(each.get(name)![i]), 0));
    const expected = {
      gradient: (name: string) => total(batches, name, (g) => g),
      gradientAbsolute: (name: string) => total(batches, name, Math.abs),
      gradientSquared: (name: string) => total(batches, name, (g) => g * g),
      exampleGradientSquared: (name: string) => total(examples, name, (g) => g * g),
    };
    for (const [source, want] of Object.entries(expected)) {
      const got = await score({ needs: [source], score: (sources) => sources[source] }, everyParameter(model));
      for (const [name, scores] of got) expectClose(scores, want(name), 1e-4);
    }
    const own = await score(
      { sources: { moved: gradientTotal("abs(g * w)") }, needs: ["moved"], score: ({ moved }) => moved },
      weights(),
    );
    for (const [name, scores] of own) {
      const w = await value(`${name}.weight`);
      expectClose(
        scores,
        expected.gradientAbsolute(`${name}.weight`).map((g, i) => g * Math.abs(w[i])),
        1e-4,
      );
    }
  });

  test("of a layer's inputs", async () => {
    const { inputs } = await activations();
    const moment = (rows: number[][], column: number, power: number) =>
      rows.reduce((before, row) => before + row[column] ** power, 0) / rows.length;
    const expected = {
      inputMean: (rows: number[][], column: number) => moment(rows, column, 1),
      inputVariance: (rows: number[][], column: number) => moment(rows, column, 2) - moment(rows, column, 1) ** 2,
      inputNorm: (rows: number[][], column: number) => Math.sqrt(moment(rows, column, 2) * rows.length),
    };
    for (const [source, want] of Object.entries(expected)) {
      const got = await score({ needs: [source], score: (sources) => sources[source] }, weights());
      for (const [name, scores] of got) {
        const rows = inputs.get(name)!;
        expectClose(
          scores,
          scores.map((_, i) => want(rows, i % rows[0].length)),
          1e-4,
        );
      }
    }
  });

  test("of gates and the activations at them", async () => {
    const heads = unitSpace(model, "head");
    const batches = await gradientsByBatch(BATCH);
    // A gate of ones on a head does what scaling its columns of the projection does.
    const got = await score({ needs: ["gateGradient"], score: ({ gateGradient }) => gateGradient }, heads);
    for (const [name, scores] of got) {
      const projection = `${name.replace(".attn.head", "")}.attn.proj.weight`;
      const w = await value(projection);
      const want = [0, 0];
      for (const each of batches) {
        for (const [i, g] of each.get(projection)!.entries()) want[Math.floor(i / 8) % 2] += g * w[i];
      }
      expectClose(scores, want, 1e-4);
    }
    const { sites } = await activations();
    const neurons = await score(
      { needs: ["activationVariance"], score: ({ activationVariance }) => activationVariance },
      unitSpace(model, "neuron"),
    );
    for (const [name, scores] of neurons) {
      const rows = sites.get(name)!;
      const want = rows[0].map((_, unit) => {
        const average = rows.reduce((before, row) => before + row[unit], 0) / rows.length;
        return rows.reduce((before, row) => before + (row[unit] - average) ** 2, 0) / rows.length;
      });
      expectClose(scores, want, 1e-4);
    }
    await expect(
      score({ needs: ["gateGradient"], score: ({ gateGradient }) => gateGradient }, weights()),
    ).rejects.toThrow(
      /gateGradient: expected units with a place for a gate, got blocks.0.attn.qkv; use granularity head or neuron/,
    );
  });

  test("of curvature: H g, and a diagonal that is unbiased", async () => {
    const config = parseModelConfig({ architecture: "mlp", inputs: 4, hidden: [3], num_classes: 2 }, "small");
    const small = createModel(gpu, config, architectureOf(config).initialWeights(5));
    const images = normals(8 * 4, 1, 1);
    const data = arrayDataset(
      { shape: [8, 4], data: images, labels: [0, 1, 1, 0, 1, 0, 0, 1] },
      inputSpec(config),
      "x",
    );
    const space = unitSpace(small, "weight", { classifier: false });
    const scoreWith = async (source: SourceName, seed: number) => {
      const saliency: AnySaliency = { needs: [source], score: (sources) => sources[source] };
      const scorer = new Scorer(small, space, saliency, { calibration: data, batchSize: 8, seed });
      await scorer.score();
      const scores = await scorer.scores.read();
      scorer.release();
      return scores;
    };
    const hessian: Float32Array[] = []; // column by column
    const leaves = space.groups.map(({ members }) => small.parameters.get(members[0].parameter).value);
    for (let column = 0; column < space.count; column++) {
      const loss = meanOf(
        crossEntropy(
          {
            logits: small.forward(Tensor.from(gpu, images, [8, 4])).logits,
            labels: Tensor.from(gpu, Uint32Array.from(data.labels)),
          },
          { smoothing: 0 },
        ),
      );
      const directions = space.groups.map(({ offset, units }, index) => {
        const unit = Float32Array.from({ length: units }, (_, i) => Number(offset + i === column));
        return [leaves[index], Tensor.from(gpu, unit, leaves[index].shape)] as const;
      });
      const { products } = hessianVectorProduct(loss, new Map(directions));
      const parts = await Promise.all(leaves.map((leaf) => products.get(leaf)!.read()));
      hessian.push(Float32Array.from(parts.flatMap((part) => [...part])));
    }
    const gradient = await scoreWith("gradient", 0);
    const product = gradient.map((_, i) => hessian.reduce((before, column, j) => before + column[i] * gradient[j], 0));
    expectClose(await scoreWith("hessianGradient", 0), product, 1e-5);

    const [first, second] = await Promise.all(
      [0, 1].map(async (count) => {
        const batches = Array.from({ length: count + 1 }, () => ({ images, labels: data.labels }));
        const saliency: Saliency = { needs: ["hessianDiagonal"], score: ({ hessianDiagonal }) => hessianDiagonal };
        const scorer = new Scorer(small, space, saliency, { calibration: batches, batchSize: 8, seed: 0 });
        await scorer.score();
        const scores = await scorer.scores.read();
        scorer.release();
        return scores;
      }),
    );
    expect(
      second.some((value, i) => Math.abs(value - 2 * first[i]) > 1e-6),
      "each batch draws signs of its own",
    ).toBe(true);

    const seeds = 64;
    const estimates = [];
    for (let seed = 0; seed < seeds; seed++) estimates.push(await scoreWith("hessianDiagonal", seed));
    for (let i = 0; i < space.count; i++) {
      const average = estimates.reduce((before, each) => before + each[i], 0) / seeds;
      const variance = hessian.reduce((before, column, j) => before + (i === j ? 0 : column[i] ** 2), 0);
      expect(Math.abs(average - hessian[i][i])).toBeLessThan(4 * Math.sqrt(variance / seeds) + 1e-5);
    }
    small.release();
  });

  test("random: by seed and draw, the same on every run", async () => {
    const random = CRITERIA.get("random")!;
    const first = await score(random, weights());
    expect(await score(random, weights())).toEqual(first);
    const values = [...first.values()].flatMap((scores) => [...scores]);
    expect(new Set(values).size).toBeGreaterThan(values.length * 0.99);
  });
});

describe("expressions", () => {
  const granularities: Granularity[] = ["row", "head", "neuron"];

  /** For each unit, all of its weights. */
  async function unitWeights(space: UnitSpace): Promise<Map<string, number[][]>> {
    const found = new Map<string, number[][]>();
    for (const { name, units, members } of space.groups) {
      const all: number[][] = Array.from({ length: units }, () => []);
      for (const { parameter, inner, period } of members) {
        (await value(parameter)).forEach((w, i) => void all[Math.floor(i / inner) % period].push(w));
      }
      found.set(name, all);
    }
    return found;
  }

  const reductions = {
    sum: [sum, (all: number[]) => all.reduce((a, b) => a + Math.abs(b), 0)],
    mean: [mean, (all: number[]) => all.reduce((a, b) => a + Math.abs(b), 0) / all.length],
    max: [max, (all: number[]) => Math.max(...all.map(Math.abs))],
    l2: [l2, (all: number[]) => Math.hypot(...all)],
  } as const;

  test.each(granularities)("sum, mean, max and L2 by %s, over all parameters of a unit", async (granularity) => {
    const space = unitSpace(model, granularity);
    const expected = await unitWeights(space);
    for (const [reduce, want] of Object.values(reductions)) {
      const saliency: Saliency = { needs: ["weight"], score: ({ weight }) => reduce(map("abs(w)", { w: weight })) };
      for (const [name, scores] of await score(saliency, space))
        expectClose(scores, expected.get(name)!.map(want), 1e-5);
    }
  });

  test("nested maps, numbers, and reductions by row, column, layer and model", async () => {
    const saliency: Saliency = {
      needs: ["weight"],
      score: ({ weight }) => {
        const a = map("abs(w)", { w: weight });
        const parts = { a, r: sum(a, "row"), c: max(a, "column"), n: l2(weight, "layer"), t: sum(a, "model") };
        return map("k * a / r + a / c + a / n + a / t", { ...parts, k: 3 });
      },
    };
    const got = await score(saliency, weights());
    let total = 0;
    for (const name of got.keys()) total += (await value(`${name}.weight`)).reduce((x, w) => x + Math.abs(w), 0);
    for (const { name, in: columns } of model.layers) {
      const scores = got.get(name);
      if (!scores) continue;
      const w = (await value(`${name}.weight`)).map(Math.abs);
      const norm = Math.hypot(...w);
      const rows = new Map<number, number>();
      const largest = new Map<number, number>();
      w.forEach((x, i) => {
        const [row, column] = [Math.floor(i / columns), i % columns];
        rows.set(row, (rows.get(row) ?? 0) + x);
        largest.set(column, Math.max(largest.get(column) ?? 0, x));
      });
      const want = w.map(
        (x, i) => (3 * x) / rows.get(Math.floor(i / columns))! + x / largest.get(i % columns)! + x / norm + x / total,
      );
      expectClose(scores, want, 1e-5);
    }
  });

  test("sumOfLarger", async () => {
    const saliency: Saliency = { needs: ["weight"], score: ({ weight }) => sumOfLarger(map("w * w", { w: weight })) };
    for (const [name, scores] of await score(saliency, weights())) {
      const squares = (await value(`${name}.weight`)).map((w) => w * w);
      expectClose(
        scores,
        squares.map((own) => squares.reduce((before, q) => before + (q >= own ? q : 0), 0)),
        1e-5,
      );
    }
  });
});

describe("statistics", () => {
  test("of shards add up to those of one run, to 20 bits, also through a file", async () => {
    const { encodeStatistics, parseStatistics } = await import("../../src/prune/index.js");
    const { subset } = await import("../../src/io/index.js");
    const saliency: AnySaliency = CRITERIA.get("taylor-second")!;
    const space = weights();
    const shard = (indices: number[]) =>
      new Scorer(
        model,
        space,
        { ...saliency, needs: [...saliency.needs, "inputVariance", "inputMoment"] },
        {
          calibration: subset(calibration, indices),
          batchSize: BATCH,
          seed: 0,
        },
      );
    const all = Array.from({ length: 24 }, (_, i) => i);
    const [whole, first, rest] = [shard(all), shard(all.slice(0, 8)), shard(all.slice(8))];
    for (const scorer of [whole, first, rest]) await scorer.score();
    const bytes = encodeStatistics(await rest.statistics.read());
    expect(encodeStatistics(parseStatistics(bytes))).toEqual(bytes);
    first.statistics.merge(parseStatistics(bytes));
    const [merged, single] = [await first.statistics.read(), await whole.statistics.read()];
    expect(merged.examples).toBe(24);
    for (const [key, { data }] of single.sums) {
      if (key.includes("signs")) continue; // draws differ by batch
      expectClose(merged.sums.get(key)!.data, data, 2 ** -20);
    }
    const { masks } = await prune(model, { saliency, sparsity: 0.5, statistics: merged, on: {} });
    expect(masks.size).toBe(8);
    clearMasks(model);
    const other = { sums: new Map(), examples: 1, rows: new Map() };
    expect(() => first.statistics.merge(other)).toThrow(/expected .* values, got none; collect them for this model/);
    for (const scorer of [whole, first, rest]) scorer.release();
  });

  test("repeat bit for bit, and leave no memory behind", async () => {
    const before = gpu.memory.inUse;
    const first = await score(CRITERIA.get("taylor-second")!, weights());
    expect(await score(CRITERIA.get("taylor-second")!, weights())).toEqual(first);
    expect(gpu.memory.inUse).toBe(before);
  });
});

test("shipped criteria take at most 25 lines each", () => {
  const folder = new URL("../../src/prune/criteria/", import.meta.url);
  for (const file of readdirSync(folder)) {
    const definitions = readFileSync(new URL(file, folder), "utf8")
      .split(/^(?=export const)/m)
      .slice(1);
    for (const text of definitions) {
      if (text.includes("defineSaliency(")) expect(text.trim().split("\n").length, file).toBeLessThanOrEqual(25);
    }
  }
});

/** UPop's search: accumulated gradients, updates that fade, and what it leaves in a model. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { type MlpConfig, parseModelConfig } from "../../src/io/index.js";
import { createModel, initialMlpWeights } from "../../src/nn/index.js";
import {
  compact,
  type GateGradients,
  progressivePart,
  rankGates,
  readMasks,
  runSearch,
  type SearchMethod,
  UPopSearch,
  unitSpace,
  upop,
  vtp,
  wdpruning,
} from "../../src/prune/index.js";
import { backward, map, sum, Tensor, withoutHistory } from "../../src/tensor/index.js";
import { keyedGenerator, shuffled, type TrainOptions } from "../../src/train/index.js";
import { constant, gradient } from "../harness/double-backward.js";
import { vitLoss } from "../harness/float64-vit.js";
import { sharedGpu } from "../harness/gpu.js";
import { maskUnits } from "../harness/mask-units.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const OPTIONS: TrainOptions = { epochs: 1, batchSize: 8, learningRate: 3e-3, seed: 5 };

test("parts grow from nothing to the sparsity, the fastest first", () => {
  const parts = Array.from({ length: 50 }, (_, step) => progressivePart(0.6, step, 50));
  expect(parts[0]).toBeCloseTo(0.6 * Math.sin(Math.PI / 100), 12);
  expect(parts[24]).toBeCloseTo(0.6 * Math.SQRT1_2, 12);
  expect(parts.at(-1)).toBe(0.6);
  const gains = parts.map((part, step) => part - (parts[step - 1] ?? 0));
  gains.slice(1).forEach((gain, i) => {
    expect(gain).toBeLessThan(gains[i]);
  });
  expect(Math.min(...gains)).toBeGreaterThan(0);
});

describe("gates of no model", () => {
  const slopes = { a: [3, -1, 2, 0.5], b: [0.3, 0.1, 0.2, 0.6, 0.5, 0.4] };
  const penalties = { a: 0.25, b: 0.5 };
  /** A loss with constant gradients: sum of slope * gate. */
  function start(sparsity: number, totalSteps: number, interval?: number) {
    const ofKey = (key: "a" | "b", kind: string, cost: number) => ({
      key,
      kind,
      cost,
      penalty: penalties[key],
      values: Tensor.from(gpu, new Float32Array(slopes[key].length).fill(1)),
    });
    const gates = [ofKey("a", "attn", 3), ofKey("b", "mlp", 1)];
    const search = new UPopSearch(gates, { sparsity, totalSteps, interval });
    const step = async (index: number) => {
      const terms = gates.map(({ key, values }) => {
        const slope = Tensor.from(gpu, Float32Array.from(slopes[key]));
        return sum(map("slope * gate", { slope, gate: values }, { gate: "slope" }));
      });
      const loss = map("a + b", { a: terms[0], b: terms[1] }, { a: "1.0", b: "1.0" });
      const objective = search.objective(loss);
      search.accumulate(backward(objective));
      await search.afterStep(index);
      const [value] = await objective.read();
      const values = await Promise.all(gates.map(({ values }) => values.read()));
      return { value, values: values.map((of) => Array.from(of)) };
    };
    return { search, step };
  }

  test("are updated after each interval but the first step, and after the last; the others fade to 0", async () => {
    const { search, step } = start(0.5, 8, 3);
    const all = (a: number[], b: number[]) => [a, b];
    const fading = (bits: number[], at: number) =>
      bits.map((bit) => (bit ? 1 : Math.fround(1 - progressivePart(0.5, at, 8) / 0.5)));
    const ones = all([1, 1, 1, 1], [1, 1, 1, 1, 1, 1]);
    for (const index of [0, 1, 2]) expect((await step(index)).values, `step ${index}`).toEqual(ones);
    for (const [index, updated] of [3, 4, 5, 6, 7].entries()) {
      const { values } = await step(updated);
      if (updated === 4 || updated === 5) continue; // between updates
      const places: GateGradients[] = [
        { key: "a", kind: "attn", cost: 3, gradients: Float32Array.from(slopes.a) },
        { key: "b", kind: "mlp", cost: 1, gradients: Float32Array.from(slopes.b) },
      ];
      const { kept } = rankGates(places, progressivePart(0.5, updated, 8));
      const want = [...kept.values()].map((bits) => fading(Array.from(bits), updated));
      expect(values, `update ${index}`).toEqual(want);
    }
    // Of a cost of 18, down from the largest standardised gradient: 0.6 (1), 3 (3), 0.5 (1), 2 (3) and 0.4 (1), which stays.
    expect([...search.final.kept.values()].map((bits) => Array.from(bits))).toEqual([
      [0, 1, 0, 1],
      [1, 1, 1, 0, 0, 1],
    ]);
    search[Symbol.dispose]();
  });

  test.each([
    [60, 12], // The part is enough for a gate from step 10 on, and updates come every 3 steps.
    [4, 1],
  ])("are updated some twenty times by default: in %i steps first seen after step %i", async (totalSteps, first) => {
    const { search, step } = start(0.5, totalSteps);
    for (let index = 0; index <= first; index++) {
      const { values } = await step(index);
      expect(values.flat().every((value) => value === 1)).toBe(index < first);
    }
    search[Symbol.dispose]();
  });

  test("add up their gradients with those of the penalties, which the objective has", async () => {
    const { search, step } = start(0.5, 4, 10);
    const dense = slopes.a.concat(slopes.b).reduce((sum, slope) => sum + slope, 0);
    for (const index of [0, 1, 2]) {
      expect((await step(index)).value).toBeCloseTo(dense + 4 * penalties.a + 6 * penalties.b, 4);
    }
    const { standardised } = await search.rank(0.5);
    const direct = rankGates(
      [
        { key: "a", kind: "attn", cost: 3, gradients: Float32Array.from(slopes.a, (slope) => 3 * (slope + 0.25)) },
        { key: "b", kind: "mlp", cost: 1, gradients: Float32Array.from(slopes.b, (slope) => 3 * (slope + 0.5)) },
      ],
      0.5,
    );
    for (const [key, values] of standardised) {
      values.forEach((value, i) => {
        expect(value).toBeCloseTo(direct.standardised.get(key)![i], 4);
      });
    }
    expect(() => search.final).toThrow("upop: expected a search of 4 steps to its end, got a shorter one");
    search[Symbol.dispose]();
  });

  test.each([
    [{ sparsity: 0, totalSteps: 9 }, "sparsity: expected the part to remove, above 0 and below 1, got 0"],
    [{ sparsity: 1, totalSteps: 9 }, "above 0 and below 1, got 1"],
    [{ sparsity: Number.NaN, totalSteps: 9 }, "above 0 and below 1, got NaN"],
    [{ sparsity: 0.5, totalSteps: 9, interval: 0 }, "interval: expected a whole number of steps, 1 or more, got 0"],
    [{ sparsity: 0.5, totalSteps: 1 }, "upop: expected a search of 2 steps or more, got 1; train longer"],
  ])("refuse %o", (settings, message) => {
    expect(() => new UPopSearch([], settings)).toThrow(message);
  });
});

describe("a ViT", () => {
  test.each([upop(), vtp(), wdpruning({ roundTo: 4 })])(
    "what was removed before $name stays removed",
    async (method) => {
      const model = tinyViT(gpu);
      maskUnits(model, ["neuron", "headDim"], 4, 0.7);
      const before = await readMasks(model);
      const { masks } = await runSearch(model, method, { data: quadrantData(16, 3), options: OPTIONS, sparsity: 0.2 });
      for (const [name, { data }] of before) {
        const after = masks.get(name)!.data;
        expect(
          data.every((bit, i) => bit >= after[i]),
          name,
        ).toBe(true);
      }
      model.release();
    },
  );

  test("costs of gates are the parameters that one removes: heads (4 d + 3) and 2 d + 1", () => {
    const model = tinyViT(gpu); // width 16, 2 heads
    for (const { name, cost } of unitSpace(model, ["headDim", "neuron"]).groups) {
      expect(cost.parameters).toBe(name.endsWith("headDim") ? 2 * (4 * 16 + 3) : 2 * 16 + 1);
    }
    model.release();
  });

  test("accumulated gradients are those of float64, gates on q, k, v and before the activation", async () => {
    const model = tinyViT(gpu);
    const data = quadrantData(16, 3);
    // A rate of almost nothing: both steps see the same weights.
    const options = { ...OPTIONS, learningRate: 1e-30 };
    const { scores } = await runSearch(model, upop(), { data, options, sparsity: 0.5 });

    const weights = await model.parameters.read();
    const variables = new Map(Array.from(weights, ([name, { data }]) => [name, constant(data)]));
    const order = shuffled(16, keyedGenerator(OPTIONS.seed!, 0));
    const images = await data.read(order);
    const losses = [0, 1].map((step) => {
      const pixels = constant(images.subarray(step * 8 * 64, (step + 1) * 8 * 64));
      const labels = Array.from(order.subarray(step * 8, step * 8 + 8), (index) => data.labels[index]);
      return vitLoss(model.config, variables, pixels, labels, 0);
    });
    const rows = [0, 1].flatMap((block) => [`blocks.${block}.attn.qkv`, `blocks.${block}.mlp.fc1`]);
    const names = rows.flatMap((layer) => [`${layer}.weight`, `${layer}.bias`]);
    const leaves = names.map((name) => variables.get(name)!);
    const slopes = losses.map((loss) => gradient(loss, leaves));
    /** A gate on rows scales them and their biases, so its gradient is the sum of w dL/dw over what it scales. */
    const gateGradients = (layer: string, unitOf: (row: number) => number, units: number) => {
      const sums = new Float32Array(units);
      for (const [index, name] of names.entries()) {
        if (!name.startsWith(layer)) continue;
        const { values } = leaves[index];
        const inputs = name.endsWith("weight") ? 16 : 1;
        for (const of of slopes) {
          of[index].values.forEach((slope, i) => {
            sums[unitOf(Math.floor(i / inputs))] += slope * values[i];
          });
        }
      }
      return sums;
    };
    const places = [0, 1].flatMap((block): GateGradients[] => [
      {
        key: `blocks.${block}.attn.headDim`,
        kind: "attn",
        cost: 134,
        gradients: gateGradients(`blocks.${block}.attn.qkv`, (row) => row % 8, 8),
      },
      {
        key: `blocks.${block}.mlp.neuron`,
        kind: "mlp",
        cost: 33,
        gradients: gateGradients(`blocks.${block}.mlp.fc1`, (row) => row, 32),
      },
    ]);
    const { standardised, kept } = rankGates(places, 0.5);
    for (const [key, values] of standardised) {
      values.forEach((value, i) => {
        expect(scores.get(key)!.data[i], `${key} ${i}`).toBeCloseTo(-value, 3);
      });
    }
    expect([...kept.values()].some((bits) => bits.includes(0))).toBe(true);
    model.release();
  });

  test("leaves widths that are multiples: of neurons, and of all heads' dimensions together", async () => {
    const model = tinyViT(gpu);
    const run = { data: quadrantData(64, 3), options: OPTIONS, sparsity: 0.4 };
    const { kept, removed } = await runSearch(model, upop({ interval: 2, multipleOf: 8 }), run);
    const counts = Array.from(kept, ([name, bits]) => [name, bits.reduce((sum, bit) => sum + bit, 0)] as const);
    for (const [name, count] of counts) expect(count % (name.endsWith("neuron") ? 8 : 4), name).toBe(0);
    expect(counts.some(([name, count]) => count < kept.get(name)!.length)).toBe(true);
    expect(Math.abs(removed - 0.4)).toBeLessThan(0.15);
    expect(() => upop({ multipleOf: 0 })).toThrow("multipleOf: expected a count from 1, got 0");
    await expect(runSearch(model, upop({ multipleOf: 32 }), run)).rejects.toThrow(
      "multipleOf: expected one that leaves a block less than all of its units, got 32",
    );
    model.release();
  });

  test("ends with masks that compute what the gates of 0 and 1 did, and without gates", async () => {
    const model = tinyViT(gpu);
    const images = Tensor.from(
      gpu,
      await quadrantData(8, 9).read(Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7])),
      [8, 1, 8, 8],
    );
    const logits = () => withoutHistory(() => model.forward(images).logits).read();
    let gated!: Float32Array;
    const method = upop({ interval: 2 });
    const spy: SearchMethod = {
      ...method,
      start: (...args) => {
        const search = method.start(...args);
        const { learned, objective, onGradients, afterStep } = search;
        const finish = async () => {
          gated = await logits();
          return search.finish();
        };
        return { learned, objective, onGradients, afterStep, finish, [Symbol.dispose]: () => search[Symbol.dispose]() };
      },
    };
    const { kept, removed, masks, space } = await runSearch(model, spy, {
      data: quadrantData(64, 3),
      options: OPTIONS,
      sparsity: 0.5,
    });
    expect([...model.gates]).toEqual([]);
    const masked = await logits();
    masked.forEach((value, i) => {
      expect(value).toBeCloseTo(gated[i], 5);
    });
    const [cost, total] = space.groups.reduce(
      ([left, all], { name, units, cost: { parameters } }) => [
        left + parameters * kept.get(name)!.reduce((a, b) => a + b, 0),
        all + parameters * units,
      ],
      [0, 0],
    );
    expect(removed).toBeCloseTo(1 - cost / total, 9);
    expect(Math.abs(cost / total - 0.5)).toBeLessThan((2 * 134) / total);
    // A unit's row of a bias has its bit.
    const bias = masks.get("blocks.1.mlp.fc1.bias")!.data;
    expect(Array.from(bias)).toEqual(Array.from(kept.get("blocks.1.mlp.neuron")!));
    gpu.release(images);
    model.release();
  });

  test("keeps its gates for nobody when it is stopped, and is refused where others have some", async () => {
    const model = tinyViT(gpu);
    const stop = new AbortController();
    const run = { data: quadrantData(64, 3), options: OPTIONS, sparsity: 0.5 };
    const onStep = ({ step }: { step: number }) => step === 2 && stop.abort(new Error("stopped"));
    await expect(
      runSearch(model, upop(), run, { onStep: (report) => void onStep(report), signal: stop.signal }),
    ).rejects.toThrow("stopped");
    expect([...model.gates]).toEqual([]);
    const gate = Tensor.from(gpu, new Float32Array(32).fill(1));
    model.gates.set("blocks.1.mlp.hidden", gate);
    await expect(runSearch(model, upop(), run)).rejects.toThrow(
      "expected the free place blocks.1.mlp.hidden for gates, got one with a gate",
    );
    expect([...model.gates]).toEqual([["blocks.1.mlp.hidden", gate]]);
    gpu.release(gate);
    model.release();
  });

  test("is what it needs", async () => {
    const config = parseModelConfig(
      { architecture: "mlp", inputs: 64, hidden: [8], num_classes: 4 },
      "mlp",
    ) as MlpConfig;
    const model = createModel(gpu, config, initialMlpWeights(config, 1));
    const run = { data: quadrantData(16, 3), options: OPTIONS, sparsity: 0.5 };
    await expect(runSearch(model, upop(), run)).rejects.toThrow("search a ViT without gates");
    model.release();
  });
});

test.each([
  ["upop", upop()],
  ["vtp", vtp()],
] as const)("%s refuses heads that were cut, which it would leave alone", async (name, method) => {
  using _scope = gpu.scope();
  const model = tinyViT(gpu);
  maskUnits(model, ["attn.out"], 3, 0.5);
  const { config, weights } = await compact(model, { roundTo: 1 });
  const cut = createModel(gpu, config, weights);
  const run = { data: quadrantData(16, 1), options: OPTIONS, sparsity: 0.5 };
  await expect(runSearch(cut, method, run)).rejects.toThrow(`${name}: expected heads with all their dimensions`);
});

test("penalties are factors", () => {
  expect(() => upop({ mlpPenalty: Number.NaN })).toThrow(/upop: expected penalties of 0 or more, got NaN/);
});

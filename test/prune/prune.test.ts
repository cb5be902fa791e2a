import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { ViT } from "../../src/nn/index.js";
import {
  clearMasks,
  criterionByName,
  densityAfter,
  type Granularity,
  maskWeights,
  type PruneOptions,
  prune,
  SCHEDULES,
  writeMasks,
} from "../../src/prune/index.js";
import { evaluate } from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const calibration = quadrantData(24, 8);

async function pruned(options: Partial<PruneOptions> & { method: string }, seed = 1) {
  const model = tinyViT(gpu, seed);
  const { method, ...rest } = options;
  const result = await prune(model, {
    saliency: criterionByName(method),
    sparsity: 0.5,
    calibration,
    batchSize: 8,
    ...rest,
  });
  return { model, result };
}

const zeros = (mask: Uint8Array) => mask.reduce((count, bit) => count + (bit ? 0 : 1), 0);

describe("schedules", () => {
  test.each(SCHEDULES)("%s falls to the asked density", (kind) => {
    const densities = Array.from({ length: 7 }, (_, round) => densityAfter(kind, 0.9, round, 7));
    expect(densities[6]).toBeCloseTo(0.1, 12);
    for (let i = 1; i < 7; i++) expect(densities[i]).toBeLessThanOrEqual(densities[i - 1]);
  });

  test("values at the middle", () => {
    expect(densityAfter("exponential", 0.96, 4, 10)).toBeCloseTo(0.2, 12);
    expect(densityAfter("linear", 0.8, 4, 10)).toBeCloseTo(0.6, 12);
    expect(densityAfter("cosine", 0.8, 4, 10)).toBeCloseTo(0.6, 12);
    expect(densityAfter("cubic", 0.8, 4, 10)).toBeCloseTo(1 - 0.8 * (1 - 0.125), 12);
  });
});

describe("selection", () => {
  test.each(["random", "magnitude", "snip", "taylor", "taylor-squared", "fisher"])(
    "%s removes exactly the asked count",
    async (method) => {
      const { model, result } = await pruned({ method, sparsity: 0.37 });
      const total = result.space.count;
      expect(total).toBe(2 * (3 * 16 * 16 + 16 * 16 + 2 * 16 * 32));
      const removed = [...result.masks.values()].reduce((sum, { data }) => sum + zeros(data), 0);
      expect(removed).toBe(Math.floor(0.37 * total));
      expect(result.rounds[0].kept).toBe(total - removed);
      expect([...result.masks.keys()].sort()).toEqual(
        [0, 1]
          .flatMap((b) => ["attn.proj", "attn.qkv", "mlp.fc1", "mlp.fc2"].map((layer) => `blocks.${b}.${layer}.weight`))
          .sort(),
      );
      model.release();
    },
  );

  test("scope layer removes the same part of each layer", async () => {
    const { model, result } = await pruned({ method: "magnitude", scope: "layer", sparsity: 0.3 });
    for (const { data } of result.masks.values()) expect(zeros(data)).toBe(Math.floor(0.3 * data.length));
    expect(result.rounds[0].selections.length).toBe(8);
    model.release();
  });

  test("scope row removes the same part of the weights of each output", async () => {
    const { model, result } = await pruned({ method: "wanda", scope: "row", sparsity: 0.25 });
    for (const { data, shape } of result.masks.values()) {
      for (let row = 0; row < shape[0]; row++) {
        expect(zeros(data.subarray(row * shape[1], (row + 1) * shape[1]))).toBe(shape[1] / 4);
      }
    }
    model.release();
    const rows = pruned({ method: "taylor", scope: "row", granularity: "neuron" });
    await expect(rows).rejects.toThrow(/scope: expected the single weights of layers for row, got blocks.0.mlp.neuron/);
  });

  test("what is kept scores higher than what goes, and weights with equal scores go from the lowest index", async () => {
    const { model, result } = await pruned({ method: "magnitude", sparsity: 0.6 });
    const [{ threshold }] = result.rounds[0].selections;
    for (const [name, { data: scores }] of result.scores) {
      result.kept.get(name)!.forEach((kept, i) => {
        if (kept) expect(scores[i]).toBeGreaterThanOrEqual(threshold);
        else expect(scores[i]).toBeLessThanOrEqual(threshold);
      });
    }
    model.release();
  });

  test("rounds only ever remove more, and end at the exact count", async () => {
    const kept: number[] = [];
    const masksAfter: Uint8Array[] = [];
    const model = tinyViT(gpu);
    const result = await prune(model, {
      saliency: criterionByName("random"),
      sparsity: 0.8,
      rounds: 4,
      on: {
        roundCompleted: async ({ kept: count }) => {
          kept.push(count);
          const words = await model.parameters.get("blocks.0.mlp.fc1.weight").mask!.readWords();
          masksAfter.push(Uint8Array.from({ length: 512 }, (_, i) => (words[i >> 5] >>> (i & 31)) & 1));
        },
      },
    });
    const total = result.space.count;
    expect(kept).toEqual([1, 2, 3, 4].map((r) => total - Math.floor((1 - 0.2 ** (r / 4)) * total)));
    for (let round = 1; round < 4; round++) {
      masksAfter[round].forEach((bit, i) => {
        expect(bit).toBeLessThanOrEqual(masksAfter[round - 1][i]);
      });
    }
    model.release();
  });

  test("reference removes everything up to the k-th score and cuts the count down", async () => {
    const { model, result } = await pruned({ method: "magnitude", sparsity: 0.3701, reference: true });
    const removed = [...result.masks.values()].reduce((sum, { data }) => sum + zeros(data), 0);
    expect(removed).toBe(Math.trunc((1 - (1 - 0.3701)) * result.space.count));
    model.release();
  });

  test("a seed changes random scores and nothing else; the same seed gives the same masks", async () => {
    const masksOf = async (method: string, seed: number) => (await pruned({ method, seed })).result.masks;
    expect(await masksOf("random", 1)).toEqual(await masksOf("random", 1));
    expect(await masksOf("random", 1)).not.toEqual(await masksOf("random", 2));
    expect(await masksOf("taylor", 1)).toEqual(await masksOf("taylor", 2));
  });
});

test("norms and biases go when asked, and only then", async () => {
  const { model, result } = await pruned({ method: "magnitude", protection: { biases: false, norms: false } });
  const names = [...result.masks.keys()];
  expect(names).toContain("blocks.0.norm1.weight");
  expect(names).toContain("blocks.1.mlp.fc2.bias");
  expect(names).not.toContain("patch_embed.proj.bias");
  expect(names.some((name) => name.startsWith("head"))).toBe(false);
  const removed = [...result.masks.values()].reduce((sum, { data }) => sum + zeros(data), 0);
  expect(removed).toBe(Math.floor(0.5 * result.space.count));
  const logits = await evaluate(model, calibration);
  expect(Number.isFinite(logits.loss)).toBe(true);
  model.release();
});

test("SNIP scores removed weights too, Taylor does not", async () => {
  const scoresOf = async (method: string) => {
    const { model, result } = await pruned({ method, rounds: 2, schedule: "linear", sparsity: 0.8 });
    model.release();
    return [...result.scores.values()].flatMap(({ data }) => [...data]);
  };
  const zeroScores = (scores: number[]) => scores.filter((score) => score === 0).length;
  expect(zeroScores(await scoresOf("taylor"))).toBeGreaterThanOrEqual(Math.floor(0.4 * 4096));
  expect(zeroScores(await scoresOf("snip"))).toBeLessThan(100);
});

test("random scores of several rounds agree with the masks", async () => {
  const { model, result } = await pruned({ method: "random", rounds: 3, sparsity: 0.7 });
  const [{ threshold }] = result.rounds[2].selections;
  for (const [name, { data }] of result.scores) {
    result.kept.get(name)!.forEach((kept, i) => {
      if (kept) expect(data[i]).toBeGreaterThanOrEqual(threshold);
      else expect(data[i]).toBeLessThanOrEqual(threshold);
    });
  }
  model.release();
});

test("a model that has masks already is refused", async () => {
  const { model } = await pruned({ method: "magnitude" });
  const again = prune(model, { saliency: criterionByName("magnitude"), sparsity: 0.6 });
  await expect(again).rejects.toThrow(/prune: expected a model without masks, .* call clearMasks first/);
  model.release();
});

describe("units", () => {
  const cases: [Granularity, string, number][] = [
    ["row", "blocks.0.attn.proj", 16],
    ["head", "blocks.0.attn.head", 2],
    ["neuron", "blocks.0.mlp.neuron", 32],
  ];

  test.each(cases)("granularity %s removes whole units", async (granularity, group, units) => {
    const { model, result } = await pruned({ method: "taylor", granularity });
    expect(result.kept.get(group)!.length).toBe(units);
    const keptUnits = [...result.kept.values()].reduce((sum, bits) => sum + bits.length - zeros(bits), 0);
    expect(keptUnits).toBe(result.space.count - Math.floor(0.5 * result.space.count));
    for (const { name, members } of result.space.groups) {
      for (const { parameter, inner, period } of members) {
        const bits = result.kept.get(name)!;
        result.masks.get(parameter)!.data.forEach((bit, i) => {
          expect(bit).toBe(bits[Math.floor(i / inner) % period]);
        });
      }
    }
    model.release();
  });

  test("a removed neuron is the same as a closed gate", async () => {
    const { model, result } = await pruned({ method: "taylor", granularity: "neuron" });
    const masked = await logitsOf(model);
    clearMasks(model);
    const { Tensor } = await import("../../src/tensor/index.js");
    for (const [name, bits] of result.kept) model.gates.set(name, Tensor.from(gpu, Float32Array.from(bits)));
    const gated = await logitsOf(model);
    for (const [i, value] of masked.entries()) expect(gated[i]).toBeCloseTo(value, 5);
    model.release();
  });

  const logitsOf = async (model: ViT) => {
    const logits: number[] = [];
    await evaluate(model, calibration, { onLogits: (rows) => logits.push(...rows) });
    return logits;
  };

  test("masked, written back, and cleared: the model gives what it should", async () => {
    const { model, result } = await pruned({ method: "snip" });
    const masked = await logitsOf(model);
    const dense = await model.parameters.read();
    clearMasks(model);
    expect(await logitsOf(model)).not.toEqual(masked);
    writeMasks(model, result.masks);
    expect(await logitsOf(model)).toEqual(masked);
    const { ViT } = await import("../../src/nn/index.js");
    const cut = new ViT(gpu, model.config, maskWeights(dense, result.masks));
    for (const [i, value] of (await logitsOf(cut)).entries()) expect(value).toBeCloseTo(masked[i], 5);
    model.release();
  });
});

test("masks outlive a scope of the caller", async () => {
  const { model, result } = await pruned({ method: "magnitude" });
  clearMasks(model);
  {
    using _scope = gpu.scope();
    writeMasks(model, result.masks);
  }
  expect((await evaluate(model, calibration)).examples).toBe(24);
  model.release();
});

test("options out of range are named, and leave no mask and no memory behind", async () => {
  const model = tinyViT(gpu);
  const inUse = gpu.memory.inUse;
  const options = { saliency: criterionByName("taylor"), sparsity: 0.5, calibration };
  await expect(prune(model, { ...options, sparsity: 1.5 })).rejects.toThrow(
    /sparsity: expected the part to remove.*got 1.5/,
  );
  await expect(prune(model, { ...options, rounds: 0 })).rejects.toThrow(/rounds: expected a whole number, 1 or more/);
  await expect(prune(model, { ...options, calibration: undefined })).rejects.toThrow(
    /calibration: expected data for this saliency, got none/,
  );
  expect(() => criterionByName("oracle")).toThrow(/method: expected random, magnitude, .* got "oracle"/);
  expect([...model.parameters].some(({ mask }) => mask)).toBe(false);
  expect(gpu.memory.inUse).toBe(inUse);
  model.release();
});

test("abort stops between batches and gives memory back", async () => {
  const model = tinyViT(gpu);
  const inUse = gpu.memory.inUse;
  const controller = new AbortController();
  const batchScored = () => controller.abort(new Error("stop"));
  const options = {
    saliency: criterionByName("taylor"),
    sparsity: 0.5,
    calibration,
    batchSize: 8,
    signal: controller.signal,
    on: { batchScored },
  };
  await expect(prune(model, options)).rejects.toThrow("stop");
  expect(gpu.memory.inUse).toBe(inUse);
  model.release();
});

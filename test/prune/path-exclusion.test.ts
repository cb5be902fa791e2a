/** What docs/px-on-vits.md says of path exclusion, assertion by assertion. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  arrayDataset,
  type Dataset,
  type FloatTensor,
  inputSpec,
  type MlpConfig,
  parseModelConfig,
  type ViTConfig,
} from "../../src/io/index.js";
import { expectedParameters } from "../../src/io/parameters.js";
import { createModel, initialViTWeights, type Model } from "../../src/nn/index.js";
import {
  type AnySaliency,
  defineSaliency,
  type Objective,
  type ObjectiveContext,
  type Protection,
  Pruner,
  px,
  Scorer,
  synflow,
  unitSpace,
} from "../../src/prune/index.js";
import { map, sum, Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { maskWords, normals } from "../harness/random.js";
import { noisyWeights, quadrantData, tinyConfig, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

/** Scores of every layer's weights, by layer. */
async function layerScores(
  model: Model,
  calibration: Dataset | undefined,
  saliency: AnySaliency = px,
  protection: Protection = { embedding: false, classifier: false },
): Promise<Map<string, Float32Array>> {
  const space = unitSpace(model, "weight", protection);
  const scorer = new Scorer(model, space, saliency, { calibration, batchSize: 4, seed: 0 });
  await scorer.score();
  const scores = await scorer.scores.read();
  scorer.release();
  return new Map(space.groups.map(({ name, offset, units }) => [name, scores.slice(offset, offset + units)]));
}

const total = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};

const VARIANTS: readonly Record<string, unknown>[] = [
  {},
  { global_pool: "avg" },
  { class_token: false, global_pool: "avg" },
  { distilled: true },
  { depth: 5, num_heads: 4 },
];

describe("on a dense ViT", () => {
  test.each(VARIANTS)("every weight has a finite, positive score: %o", async (changes) => {
    const config = tinyConfig(changes);
    // Random weights as timm draws them, and weights with biases and norms far from those at the start.
    for (const weights of [initialViTWeights(config, 3), noisyWeights(config, 3, 0.5)]) {
      const model = createModel(gpu, config, weights);
      for (const [name, scores] of await layerScores(model, quadrantData(8, 1, config))) {
        const wrong = scores.findIndex((score) => !(score > 0 && score < Number.POSITIVE_INFINITY));
        expect(wrong, `${name}: ${scores[wrong]}`).toBe(-1);
      }
      model.release();
    }
  });

  test("queries, keys, values and outputs of a head hold the same sum of scores", async () => {
    const model = tinyViT(gpu, 5);
    const { embedDim: width, blocks } = model.config;
    const { heads: numHeads, headDim } = blocks[0].attention!;
    const scores = await layerScores(model, quadrantData(8, 1));
    for (let block = 0; block < blocks.length; block++) {
      const qkv = scores.get(`blocks.${block}.attn.qkv`)!;
      const proj = scores.get(`blocks.${block}.attn.proj`)!;
      for (let head = 0; head < numHeads; head++) {
        const rows = headDim * width;
        const [q, k, v] = [0, 1, 2].map((part) => {
          const start = part * width * width + head * rows;
          return total(qkv.subarray(start, start + rows));
        });
        const out = total(proj.filter((_, i) => Math.floor((i % width) / headDim) === head));
        for (const sum of [q, k, out]) expect(sum / v).toBeCloseTo(1, 4);
      }
    }
    model.release();
  });

  test("layers of a branch hold the same sum of scores, which thinning the branch does not take away", async () => {
    const model = tinyViT(gpu, 5);
    for (const { kind, name } of model.layers) {
      const parameter = model.parameters.get(`${name}.weight`);
      const density = kind === "fc1" || kind === "fc2" ? 0.1 : 0.8;
      parameter.mask = Tensor.from(gpu, maskWords(parameter.size, 7, density));
    }
    const scores = await layerScores(model, quadrantData(8, 1));
    const sum = (name: string) => total(scores.get(name)!);
    for (let block = 0; block < model.config.blocks.length; block++) {
      const [attn, mlp] = [`blocks.${block}.attn`, `blocks.${block}.mlp`];
      // Queries, keys and values are layers of their own.
      expect(sum(`${attn}.qkv`) / sum(`${attn}.proj`)).toBeCloseTo(3, 3);
      expect(sum(`${mlp}.fc1`) / sum(`${mlp}.fc2`)).toBeCloseTo(1, 4);
      // Paths through 10% of both layers, against 80%: a plain sum would leave the MLP a hundredth of what it has now.
      expect(sum(`${mlp}.fc2`) / sum(`${attn}.proj`)).toBeGreaterThan(0.5);
    }
    model.release();
  });

  test("does not depend on the data while the classifier is whole", async () => {
    const model = tinyViT(gpu, 5);
    const whole = await layerScores(model, undefined, px, { embedding: false });
    const counted = [await layerScores(model, quadrantData(8, 1)), await layerScores(model, quadrantData(8, 2))];
    const [firstLayer] = whole.keys();
    for (const scores of counted) {
      const factor = scores.get(firstLayer)![0] / whole.get(firstLayer)![0];
      for (const [name, want] of whole) {
        const worst = want.reduce((most, w, i) => Math.max(most, Math.abs(scores.get(name)![i] / factor / w - 1)), 0);
        expect(worst, name).toBeLessThan(1e-5);
      }
    }
    model.release();
  });
});

test("a token whose gate is closed passes nothing on", async () => {
  const model = tinyViT(gpu, 5);
  const tokens = Tensor.zeros(gpu, [5]);
  tokens.write(Float32Array.of(1, 0, 0, 0, 0)); // the class token, and no patch
  model.gates.set("token", tokens);
  const scores = await layerScores(model, undefined, px, { embedding: false });
  expect(scores.get("patch_embed.proj")!.every((score) => score === 0)).toBe(true);
  expect(scores.get("blocks.1.mlp.fc1")!.every((score) => score > 0)).toBe(true);
  model.release();
});

describe("what squares and ones stand for does not depend on their spelling", () => {
  const once = { input: "ones" } as const;
  const scoresBy = async (weights: string, other: string, both: boolean) => {
    const model = tinyViT(gpu, 5);
    const saliency = defineSaliency({
      name: "spelt",
      needs: ["gradient"],
      objective: {
        ...once,
        weights,
        loss: ({ forward, transformed }) => {
          const a = forward().logits;
          const b = forward(undefined, { weights: transformed(other) }).logits;
          return sum(both ? map("a * b", { a, b }, { a: "b", b: "a" }) : a);
        },
      },
      score: ({ gradient }) => gradient,
    });
    const scores = await layerScores(model, undefined, saliency);
    model.release();
    return [...scores.values()].flatMap((values) => [...values]);
  };

  test.each([
    ["w * w", "w*w", "abs(w)"],
    ["1.0", "1.0 * 1.0", "abs(w)"],
    ["abs(w)", "abs(w)", "w * w"],
  ])("%s", async (onLoad, written, other) => {
    const got = await scoresBy(onLoad, other, true);
    const want = await scoresBy(written, other.replaceAll(" ", ""), true);
    const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeGreaterThan(0);
    expect(got.reduce((worst, value, i) => Math.max(worst, Math.abs(value - want[i])), 0) / largest).toBeLessThan(1e-5);
  });

  test("path scores are refused where they would be no scores", async () => {
    const of = (objective: Objective) => defineSaliency({ needs: ["pathScore"], objective, score: (s) => s.pathScore });
    const model = tinyViT(gpu, 5);
    const data = quadrantData(8, 1);
    await expect(layerScores(model, data, of({}))).rejects.toThrow(
      /pathScore: expected an objective with input "ones"/,
    );
    await expect(layerScores(model, data, of({ weights: "w * w" }))).rejects.toThrow(/pathScore/);
    const accumulate = { shape: () => [1], batch: ({ images }: ObjectiveContext) => images };
    await expect(layerScores(model, data, of({ accumulate }))).rejects.toThrow(/accumulate: expected an objective/);
    model.release();
  });
});

test("24 blocks of width 1,024 stay in range", async () => {
  const config = parseModelConfig(
    { img_size: 4, patch_size: 4, in_chans: 1, embed_dim: 1024, depth: 24, num_heads: 16, num_classes: 4 },
    "deep",
  ) as ViTConfig;
  // All blocks share the memory of one: 24 of their own would be 1.2 GB.
  const shallow = initialViTWeights({ ...config, blocks: config.blocks.slice(0, 1) }, 1);
  const shared = new Map([...shallow].map(([name, { data, shape }]) => [name, Tensor.from(gpu, data, shape)]));
  const weights = new Map(
    [...expectedParameters(config).keys()].map((name) => [name, shared.get(name.replace(/^blocks\.\d+/, "blocks.0"))!]),
  );
  const model = createModel(gpu, config, weights);
  const branches = [0, 11, 23].flatMap((block) => ["attn.qkv", "mlp.fc2"].map((part) => `blocks.${block}.${part}`));
  const watched = [...branches, "head"];
  for (const parameter of model.parameters) {
    parameter.value.requiresGradient = watched.some((name) => parameter.name === `${name}.weight`);
  }
  // With the classifier among the scored layers, active paths are counted over the data.
  const space = unitSpace(model, "weight", { classifier: false, layers: (name) => !watched.includes(name) });
  const data = { shape: [1, 1, 4, 4], data: normals(16, 1), labels: Int32Array.of(0) };
  const calibration = arrayDataset(data, inputSpec(config), "one");
  const scorer = new Scorer(model, space, px, { calibration, batchSize: 1, seed: 0 });
  await scorer.score();
  const scores = await scorer.scores.read();
  for (const { name, offset, units } of space.groups) {
    const sum = total(scores.subarray(offset, offset + units));
    expect(sum > 0 && sum < 1e30, `${name}: ${sum}`).toBe(true);
    expect(scores.subarray(offset, offset + units).every((score) => score > 0)).toBe(true);
  }
  scorer.release();
  model.release();
  for (const tensor of shared.values()) gpu.release(tensor);
});

/** Matrices of the blocks with a deviation of 1 / sqrt(fan-in): branches as strong as what they are added to. */
function strongWeights(config: ViTConfig, seed: number): Map<string, FloatTensor> {
  const entries = [...initialViTWeights(config, seed)].map(([name, { shape, data }]) => {
    const factor = name.startsWith("blocks.") && shape.length === 2 ? 50 / Math.sqrt(shape[1]) : 1;
    return [name, { shape, data: data.map((value) => value * factor) }] as const;
  });
  return new Map(entries);
}

const STARTS = {
  "timm's weights": initialViTWeights,
  "noisy weights": (config: ViTConfig, seed: number) => noisyWeights(config, seed, 0.1),
  "strong weights": strongWeights,
};

test.each(Object.entries(STARTS))("no layer is emptied at 98 percent: %s", async (_name, start) => {
  const config = tinyConfig({ embed_dim: 32, depth: 4, num_heads: 4, mlp_ratio: 4 });
  const weights = start(config, 2);
  const model = createModel(gpu, config, weights);
  using pruner = new Pruner(model, {
    saliency: px,
    sparsity: 0.98,
    rounds: 50,
    calibration: quadrantData(8, 1, config),
    batchSize: 8,
  });
  await pruner.run();
  const width = 32;
  for (const { name, members } of pruner.space.groups) {
    const mask = await model.parameters.get(members[0].parameter).mask!.readWords();
    const kept = (from: number, to: number) => {
      let count = 0;
      for (let i = from; i < to; i++) count += (mask[i >> 5] >>> (i & 31)) & 1;
      return count;
    };
    const parts = name.endsWith("qkv") ? 3 : 1;
    const size = model.parameters.get(members[0].parameter).size / parts;
    for (let part = 0; part < parts; part++) {
      expect(kept(part * size, (part + 1) * size), `${name} part ${part} of ${parts}, width ${width}`).toBeGreaterThan(
        0,
      );
    }
  }
  model.release();
});

interface Layer {
  readonly weight: Float64Array;
  readonly out: number;
  readonly in: number;
}

/** w^2 |dR / d(w^2)| of an MLP without biases in float64; R's factor c is one for all classes as its classifier is whole. */
function oracle(layers: readonly Layer[]): Float64Array[] {
  const forward = [new Float64Array(layers[0].in).fill(1)];
  for (const { weight, out, in: inputs } of layers) {
    const x = forward[forward.length - 1];
    forward.push(
      Float64Array.from({ length: out }, (_, o) => total(x.map((value, i) => weight[o * inputs + i] ** 2 * value))),
    );
  }
  let gradient: Float64Array = new Float64Array(layers[layers.length - 1].out).fill(1);
  return layers
    .map((layer, index) => ({ ...layer, x: forward[index] }))
    .reverse()
    .map(({ weight, in: inputs, out, x }) => {
      const scores = weight.map((w, i) => w * w * gradient[Math.floor(i / inputs)] * x[i % inputs]);
      const above = gradient;
      gradient = Float64Array.from({ length: inputs }, (_, i) =>
        total(Array.from({ length: out }, (_, o) => weight[o * inputs + i] ** 2 * above[o])),
      );
      return scores;
    })
    .reverse();
}

/** Layers of `width` that multiply squares by about `gain` each. */
function deepMlp(depth: number, width: number, gain: number): { config: MlpConfig; weights: Map<string, FloatTensor> } {
  const json = {
    architecture: "mlp",
    inputs: width,
    hidden: Array(depth - 1).fill(width),
    num_classes: 5,
    bias: false,
  };
  const config = parseModelConfig(json, "deep") as MlpConfig;
  const scale = Math.sqrt(gain / width);
  const weights = new Map(
    [...expectedParameters(config)].map(([name, shape], index) => [
      name,
      { shape: [...shape], data: normals(shape[0] * shape[1], 100 + index, scale) },
    ]),
  );
  return { config, weights };
}

function mlpData(config: MlpConfig): Dataset {
  const data = { shape: [6, config.inputs], data: normals(6 * config.inputs, 7), labels: new Int32Array(6) };
  return arrayDataset(data, inputSpec(config), "normal");
}

describe("50 layers without a norm", () => {
  // Squares would end at 1e-50 and 1e75: f32 holds neither.
  test.each([0.1, 31])("keep the exact order of scores where each multiplies squares by %d", async (gain) => {
    const { config, weights } = deepMlp(50, 24, gain);
    const model = createModel(gpu, config, weights);
    const got = await layerScores(model, mlpData(config));
    const want = oracle(
      [...weights.values()].map(({ shape: [out, inputs], data }) => ({
        weight: Float64Array.from(data),
        out,
        in: inputs,
      })),
    );
    const factor = got.get("lin.0")![0] / want[0][0];
    want.forEach((scores, index) => {
      const largest = scores.reduce((most, score) => Math.max(most, score), 0);
      const worst = got
        .get(`lin.${index}`)!
        .reduce((most, score, i) => Math.max(most, Math.abs(score / factor - scores[i])), 0);
      expect(worst / largest, `lin.${index}`).toBeLessThan(2e-5);
    });
    model.release();
  });

  test("synflow stays finite and positive too, with biases", async () => {
    const { config, weights } = deepMlp(50, 24, 60);
    const biased = parseModelConfig(
      { architecture: "mlp", inputs: 24, hidden: Array(49).fill(24), num_classes: 5 },
      "biased",
    ) as MlpConfig;
    const withBiases = new Map(
      [...expectedParameters(biased)].map(([name, shape], index) => [
        name,
        weights.get(name) ?? { shape: [...shape], data: normals(shape[0], index, 0.1) },
      ]),
    );
    const model = createModel(gpu, biased, withBiases);
    for (const [name, scores] of await layerScores(model, undefined, synflow)) {
      expect(
        scores.every((score) => score > 0 && Number.isFinite(score)),
        name,
      ).toBe(true);
    }
    expect(config.bias).toBe(false);
    model.release();
  });
});

/** The law of compacting: a network with masks and the smaller one that is left when they are cut out compute the same, at every site and for any of them together. */
import { beforeAll, describe, expect, test } from "vitest";
import { UsageError } from "../../src/errors.js";
import type { Gpu } from "../../src/gpu/index.js";
import { type ModelConfig, parseModelConfig, timmShape, type ViTConfig, viTConfigToJson } from "../../src/io/index.js";
import { packBits } from "../../src/kernels/index.js";
import { createModel, type Model, UNIT_KINDS, type UnitKind, vitFlops } from "../../src/nn/index.js";
import { compact, compactWeights } from "../../src/prune/compact/index.js";
import { applyUnits, unitSpace } from "../../src/prune/index.js";
import { Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { maskUnits } from "../harness/mask-units.js";
import { normals, randomGenerator } from "../harness/random.js";
import { noisyWeights, tinyConfig } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const config = (changes: Record<string, unknown> = {}): ViTConfig =>
  tinyConfig({ embed_dim: 24, num_heads: 3, depth: 3, in_chans: 2, ...changes });

const logitsOf = async (model: Model, images: Tensor): Promise<Float32Array> => model.forward(images).logits.read();

function largestDifference(got: Float32Array, want: Float32Array): number {
  const largest = Math.max(...want.map(Math.abs));
  return Math.max(...got.map((value, index) => Math.abs(value - want[index]))) / largest;
}

const countOf = (weights: ReadonlyMap<string, { data: Float32Array }>): number =>
  [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);

/** Prunes, compacts, goes through the config's file form, and compares. Returns the smaller network's config and weights. */
async function checkLaw(
  shape: ViTConfig,
  kinds: readonly UnitKind[],
  { seed = 1, density = 0.6, roundTo = 1 }: { seed?: number; density?: number; roundTo?: number } = {},
) {
  using _scope = gpu.scope();
  const { inChannels, imageSize } = shape;
  const images = Tensor.from(gpu, normals(3 * inChannels * imageSize ** 2, seed), [
    3,
    inChannels,
    imageSize,
    imageSize,
  ]);
  const masked = createModel(gpu, shape, noisyWeights(shape, seed));
  maskUnits(masked, kinds, seed + 7, density);
  const want = await logitsOf(masked, images);
  const cut = await compact(masked, { roundTo });
  const again = parseModelConfig(viTConfigToJson(cut.config as ViTConfig), "compact") as ViTConfig;
  expect(again).toEqual(cut.config);
  const small = createModel(gpu, again, cut.weights);
  expect(largestDifference(await logitsOf(small, images), want)).toBeLessThan(1e-4);
  masked.release();
  small.release();
  return { ...cut, config: again, dense: shape };
}

describe("masked and compact networks compute the same", () => {
  test.each(UNIT_KINDS)("without some %s", async (kind) => {
    for (const seed of [1, 2]) {
      const { weights, config: small, dense } = await checkLaw(config(), [kind], { seed });
      expect(countOf(weights)).toBeLessThan(countOf(noisyWeights(dense, 1)));
      expect(vitFlops(small)).toBeLessThan(vitFlops(dense));
    }
  });

  test.each([1, 2, 3, 4, 5, 6])("random kinds together (seed %i)", async (seed) => {
    const next = randomGenerator(seed * 31);
    const kinds = UNIT_KINDS.filter(() => next() < 0.4);
    await checkLaw(config(), kinds.length > 0 ? kinds : ["head", "attn.in"], { seed, density: 0.4 + 0.5 * next() });
  });

  test.each([
    ["distilled", { distilled: true }],
    ["pooled by the mean", { pool: "avg", class_token: false }],
    ["without qkv biases", { qkv_bias: false }],
    ["with ReLU", { activation: "relu" }],
  ])("%s", async (_, changes) => {
    await checkLaw(config(changes), ["headDim", "neuron", "attn.in", "embed"], { seed: 3, density: 0.5 });
  });

  test("rows of single layers, as a residual branch that writes some channels", async () => {
    using _scope = gpu.scope();
    const shape = config();
    const images = Tensor.from(gpu, normals(3 * 2 * 64, 1), [3, 2, 8, 8]);
    const masked = createModel(gpu, shape, noisyWeights(shape, 4));
    const next = randomGenerator(9);
    const space = unitSpace(masked, "row");
    const keep = Uint8Array.from({ length: space.count }, () => (next() < 0.6 ? 1 : 0));
    applyUnits(masked, space, Tensor.from(gpu, packBits(keep)));
    const want = await logitsOf(masked, images);
    const cut = await compact(masked, { roundTo: 1 });
    const { blocks } = cut.config as ViTConfig;
    expect(blocks.some(({ mlp }) => mlp?.outputs !== undefined)).toBe(true);
    expect(blocks.some(({ attention }) => attention?.qkv !== undefined)).toBe(true);
    expect(largestDifference(await logitsOf(createModel(gpu, cut.config, cut.weights), images), want)).toBeLessThan(
      1e-4,
    );
  });

  test("everything that can go: what is left is the classifier's own business", async () => {
    const { config: small } = await checkLaw(config(), ["block", "head"], { density: 0 });
    expect(small.blocks).toEqual([{}]);
  });

  test("multiples of 8: sizes are rounded up, and the function stays", async () => {
    const { config: small } = await checkLaw(config({ mlp_ratio: 4 }), ["neuron", "headDim", "attn.in"], {
      roundTo: 8,
    });
    for (const { attention, mlp } of small.blocks) {
      expect(mlp!.hidden % 8).toBe(0);
      expect(attention!.headDim % 8).toBe(0);
      expect((attention!.inputs?.length ?? 24) % 8).toBe(0);
    }
  });

  test("gaps that cost less as zeros are filled, others stay", async () => {
    using _scope = gpu.scope();
    const shape = config();
    const weights = noisyWeights(shape, 6);
    const clear = (name: string, from: number, to: number, columns: number) => {
      weights.get(`${name}.weight`)!.data.fill(0, from * columns, to * columns);
      weights.get(`${name}.bias`)!.data.fill(0, from, to);
    };
    clear("blocks.0.mlp.fc2", 3, 5, 48);
    clear("blocks.1.mlp.fc2", 4, 24, 48);
    clear("blocks.2.attn.proj", 0, 8, 24);
    clear("blocks.0.attn.qkv", 6, 7, 24);
    clear("blocks.1.attn.qkv", 0, 7, 24);
    const images = Tensor.from(gpu, normals(3 * 2 * 64, 1), [3, 2, 8, 8]);
    const want = await logitsOf(createModel(gpu, shape, weights), images);
    const { blocks: tight } = compactWeights(shape, weights, { roundTo: 1 }).config as ViTConfig;
    expect(tight.map(({ mlp }) => mlp!.outputs?.length)).toEqual([22, 4, undefined]);
    expect(tight.map(({ attention }) => attention!.outputs?.length)).toEqual([undefined, undefined, 16]);
    expect(tight.map(({ attention }) => attention!.qkv?.length)).toEqual([70, 58, undefined]);
    const cut = compactWeights(shape, weights, { roundTo: 2 });
    const { blocks } = cut.config as ViTConfig;
    expect(blocks.map(({ mlp }) => mlp!.outputs?.length)).toEqual([undefined, 4, undefined]);
    expect(blocks.every(({ attention }) => !attention!.outputs && !attention!.qkv)).toBe(true);
    expect(countOf(cut.weights)).toBe(countOf(weights) - 20 * 49);
    expect(largestDifference(await logitsOf(createModel(gpu, cut.config, cut.weights), images), want)).toBeLessThan(
      1e-4,
    );
  });

  test("a compact network is cut again", async () => {
    using _scope = gpu.scope();
    const first = await checkLaw(config(), ["attn.out", "headDim", "mlp.in", "neuron"], { seed: 5, density: 0.7 });
    const images = Tensor.from(gpu, normals(2 * 2 * 64, 8), [2, 2, 8, 8]);
    const masked = createModel(gpu, first.config, first.weights);
    maskUnits(masked, ["neuron", "mlp.in", "attn.in", "attn"], 11, 0.7);
    const want = await logitsOf(masked, images);
    const { config: small, weights } = await compact(masked);
    expect(countOf(weights)).toBeLessThan(countOf(first.weights));
    expect(largestDifference(await logitsOf(createModel(gpu, small, weights), images), want)).toBeLessThan(1e-4);
  });
});

test("a dense network stays as it is", async () => {
  const shape = config();
  const weights = noisyWeights(shape, 1);
  const cut = compactWeights(shape, weights);
  expect(cut.config).toEqual(shape);
  expect([...cut.weights]).toEqual([...weights]);
});

test("whole blocks and equal widths stay in timm's words", () => {
  const shape = config();
  const weights = noisyWeights(shape, 1);
  for (const [name, { data }] of weights) {
    if (name.startsWith("blocks.1.")) data.fill(0);
    if (/mlp\.fc1\./.test(name)) data.fill(0, 0, data.length / 2);
  }
  const { config: cut } = compactWeights(shape, weights);
  expect(timmShape(cut as ViTConfig)).toEqual({ numHeads: 3, hiddenDim: 24 });
  expect(viTConfigToJson(cut as ViTConfig)).toMatchObject({ depth: 2, num_heads: 3, mlp_ratio: 1 });
  expect(viTConfigToJson(cut as ViTConfig).pruned).toBeUndefined();
});

test("an MLP loses neurons", async () => {
  using _scope = gpu.scope();
  const shape = parseModelConfig({ architecture: "mlp", inputs: 12, hidden: [20, 15], num_classes: 4 }, "mlp");
  const weights = new Map<string, { shape: readonly number[]; data: Float32Array }>([
    ["lin.0.weight", { shape: [20, 12], data: normals(240, 1) }],
    ["lin.0.bias", { shape: [20], data: normals(20, 2) }],
    ["lin.1.weight", { shape: [15, 20], data: normals(300, 3) }],
    ["lin.1.bias", { shape: [15], data: normals(15, 4) }],
    ["lin.2.weight", { shape: [4, 15], data: normals(60, 5) }],
    ["lin.2.bias", { shape: [4], data: normals(4, 6) }],
  ]);
  const masked = createModel(gpu, shape, weights);
  maskUnits(masked, ["neuron"], 3, 0.5);
  const images = Tensor.from(gpu, normals(36, 7), [3, 12]);
  const want = await logitsOf(masked, images);
  const cut = await compact(masked);
  expect((cut.config as ModelConfig & { hidden: number[] }).hidden[0]).toBeLessThan(20);
  expect(largestDifference(await logitsOf(createModel(gpu, cut.config, cut.weights), images), want)).toBeLessThan(1e-5);
});

describe("what cannot be cut is named", () => {
  test("a convolutional network", () => {
    const shape = parseModelConfig({ architecture: "resnet20", img_size: 8, in_chans: 1, num_classes: 2 }, "net");
    expect(() => compactWeights(shape, new Map())).toThrow(UsageError);
  });

  test("a model with gates", async () => {
    const model = createModel(gpu, config(), noisyWeights(config(), 1));
    model.gates.set("blocks.0.mlp.neuron", Tensor.from(gpu, new Float32Array(48).fill(1)));
    await expect(compact(model)).rejects.toThrow(/gates, got one at blocks.0.mlp.neuron/);
    model.release();
  });

  test("a multiple that is none", () => {
    expect(() => compactWeights(config(), noisyWeights(config(), 1), { roundTo: 0 })).toThrow(
      /roundTo: expected a count/,
    );
  });
});

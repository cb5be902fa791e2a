/** ViTs that leave out tokens on the way: the same as ignoring those tokens as keys, in values, gradients and Hessian products. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { parseModelConfig, timmShape, type ViTConfig, viTConfigToJson } from "../../src/io/index.js";
import { architectureOf, ViT, vitFlops } from "../../src/nn/index.js";
import { leaveTokens } from "../../src/prune/index.js";
import {
  attention,
  classAttention,
  crossEntropy,
  hessianVectorProduct,
  keepTokens,
  mean,
  Tensor,
  withoutHistory,
} from "../../src/tensor/index.js";
import { Trainer } from "../../src/train/index.js";
import { constant, hessianVector } from "../harness/double-backward.js";
import { vitLoss } from "../harness/float64-vit.js";
import { sharedGpu } from "../harness/gpu.js";
import { relativeError } from "../harness/hessian.js";
import { normals } from "../harness/random.js";
import { noisyWeights, quadrantData, tinyConfig, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

/** 16 patches. */
const SIXTEEN = { patch_size: 2, depth: 3 };
const LABELS = [1, 3, 0];

const withTokens = (config: ViTConfig, ...tokens: (number | undefined)[]): ViTConfig => ({
  ...config,
  blocks: config.blocks.map((shape, index) =>
    tokens[index] === undefined ? shape : { ...shape, tokens: tokens[index] },
  ),
});

const modelOf = (config: ViTConfig, seed = 1) => new ViT(gpu, config, noisyWeights(config, seed));
const imagesOf = (batch: number, seed = 4) => Tensor.from(gpu, normals(batch * 64, seed), [batch, 1, 8, 8]);

describe("is the masked form in float64", () => {
  test.each([
    ["in one block", [undefined, 9, undefined]],
    ["in each block", [11, 6, 2]],
    ["of one token", [undefined, undefined, 1]],
  ])("%s", async (_, tokens) => {
    const model = modelOf(withTokens(tinyConfig(SIXTEEN), ...tokens));
    const images = imagesOf(LABELS.length);
    const directions = new Map(
      Array.from(model.parameters, ({ value }, index) => {
        return [value, Tensor.from(gpu, normals(value.size, 300 + index), value.shape)];
      }),
    );
    const labels = Tensor.from(gpu, Uint32Array.from(LABELS));
    const loss = mean(crossEntropy({ logits: model.forward(images).logits, labels }, { smoothing: 0 }));
    const { gradients, products } = hessianVectorProduct(loss, directions);

    const parameters = await model.parameters.read();
    const variables = new Map(Array.from(parameters, ([name, { data }]) => [name, constant(data)]));
    const along = await Promise.all(Array.from(directions.values(), (direction) => direction.read()));
    const masked = vitLoss(model.config, variables, constant(await images.read()), LABELS, 0);
    expect((await loss.read())[0]).toBeCloseTo(
      masked.values.reduce((sum, value) => sum + value, 0),
      5,
    );
    const want = hessianVector(masked, [...variables.values()], along);
    for (const [index, { name, value }] of [...model.parameters].entries()) {
      const [got, product] = await Promise.all([gradients.get(value)!.read(), products.get(value)!.read()]);
      expect(relativeError(got, want.gradients[index]), `gradient of ${name}`).toBeLessThan(1e-5);
      expect(relativeError(product, want.products[index]), `product of ${name}`).toBeLessThan(1e-5);
    }
    model.release();
  });
});

test("class and distillation token stay: the same as a closed key for each token that goes", async () => {
  const config = tinyConfig({ ...SIXTEEN, distilled: true });
  const kept = 5;
  const [dense, cut] = [modelOf(config), modelOf(withTokens(config, undefined, kept))];
  const images = imagesOf(1);
  // Of one image, as a key gate is for the whole batch.
  let places: Tensor | undefined;
  const keys = Tensor.from(gpu, new Float32Array(18).fill(1));
  const masked = () =>
    dense.forward(images, {
      attention: (qkv, attributes, place) => {
        if (place === "blocks.1.attn") {
          places = keepTokens(classAttention(qkv, attributes), { prefixTokens: 2, kept }).places;
        }
        return attention(qkv, attributes, place === "blocks.2.attn" ? keys : undefined);
      },
    }).logits;
  masked();
  keys.write(Float32Array.from(await places!.readWords(), (place) => (place === 0xffffffff ? 0 : 1)));
  expect((await keys.read()).reduce((sum, key) => sum + key, 0)).toBe(2 + kept);
  const [want, got] = await Promise.all([masked().read(), cut.forward(images).logits.read()]);
  expect(relativeError(got, want)).toBeLessThan(1e-5);
  for (const model of [dense, cut]) model.release();
});

test("with all tokens kept nothing changes, bit for bit", async () => {
  const config = tinyConfig(SIXTEEN);
  const [dense, cut] = [modelOf(config), modelOf(withTokens(config, 16, 16, 16))];
  const images = imagesOf(2);
  expect(await cut.forward(images).logits.read()).toEqual(await dense.forward(images).logits.read());
  for (const model of [dense, cut]) model.release();
});

test("means over patches are over those that are left", async () => {
  const config = withTokens(tinyConfig({ ...SIXTEEN, pool: "avg" }), 1);
  const model = modelOf(config);
  const logits = await withoutHistory(() => model.forward(imagesOf(2)).logits).read();
  expect(logits.every(Number.isFinite)).toBe(true);
  model.release();
});

test("it trains, and passes without history give all memory back", async () => {
  const model = modelOf(withTokens(tinyConfig(SIXTEEN), 8, 4));
  const losses: number[] = [];
  using trainer = new Trainer(model, quadrantData(64, 3), { epochs: 3, batchSize: 16, learningRate: 3e-3 });
  await trainer.run({ onStep: ({ loss }) => void losses.push(loss) });
  expect(losses.at(-1)).toBeLessThan(losses[0]);
  const images = imagesOf(2);
  const pass = () => gpu.release(withoutHistory(() => model.forward(images).logits));
  pass();
  const before = gpu.memory.inUse;
  for (let turn = 0; turn < 3; turn++) pass();
  expect(gpu.memory.inUse).toBe(before);
  model.release();
});

describe("the config", () => {
  const config = tinyConfig(SIXTEEN);

  test("goes to JSON and back, as timm has no words for it", () => {
    const cut = leaveTokens(config, 0.7, [1, 2]);
    expect(cut.blocks.map(({ tokens }) => tokens)).toEqual([undefined, 12, 9]); // of 16: 11.2, then of 12: 8.4
    expect(timmShape(cut)).toBeUndefined();
    expect(viTConfigToJson(cut).pruned).toMatchObject({ blocks: [{}, { tokens: 12 }, { tokens: 9 }] });
    expect(parseModelConfig(viTConfigToJson(cut), "config.json")).toEqual(cut);
  });

  test("counts the FLOPs that are left", () => {
    const { numClasses, embedDim, patchSize } = config;
    const hidden = config.blocks[0].mlp!.hidden;
    const attended = (tokens: number) => 2 * tokens * (4 * embedDim ** 2) + 4 * tokens ** 2 * embedDim;
    const fed = (tokens: number) => 2 * tokens * 2 * embedDim * hidden;
    const outside = 2 * 16 * patchSize ** 2 * embedDim + 2 * embedDim * numClasses;
    expect(vitFlops(config)).toBe(outside + 3 * (attended(17) + fed(17)));
    const cut = withTokens(config, undefined, 8);
    expect(vitFlops(cut)).toBe(outside + attended(17) + fed(17) + attended(17) + fed(9) + attended(9) + fed(9));
    expect(architectureOf(cut).flops).toBe(vitFlops(cut));
    const model = modelOf(cut);
    const flopsOfHead = model.unitGroups("head").map(({ flops }) => flops);
    expect(flopsOfHead).toEqual([17, 17, 9].map((tokens) => 4 * tokens ** 2 * 8));
    expect(model.gates.places.has("token")).toBe(false);
    expect(tinyViT(gpu).gates.places.has("token")).toBe(true);
    model.release();
  });

  test("leaves out no more than there is", () => {
    const again = leaveTokens(leaveTokens(config, 0.5, [0]), 0.9, [0, 1]);
    expect(again.blocks.map(({ tokens }) => tokens)).toEqual([8, undefined, undefined]); // 0.9 of 8 is all of them
    expect(leaveTokens(config, 1, [0, 1, 2])).toEqual(config);
    expect(leaveTokens(config, 0.01, [0]).blocks[0].tokens).toBe(1);
  });

  test.each([
    [0, [0], /tokens: expected a part to keep above 0 and at most 1, got 0/],
    [0.5, [3], /tokens: expected blocks with attention among 0, 1, 2, got 3/],
  ])("refuses a part of %s at %s", (ratio, blocks, message) => {
    expect(() => leaveTokens(config, ratio, blocks)).toThrow(message);
  });

  test("refuses tokens that nothing ranks, or more than there are", () => {
    const json = viTConfigToJson(leaveTokens(config, 0.5, [0])) as { pruned: { blocks: Record<string, unknown>[] } };
    const parse = (change: object, block = {}) => {
      const blocks = json.pruned.blocks.map((old, index) => (index === 1 ? { ...old, ...block } : old));
      return () => parseModelConfig({ ...json, ...change, pruned: { ...json.pruned, blocks } }, "config.json");
    };
    expect(parse({}, { tokens: 8 })).not.toThrow();
    expect(parse({}, { tokens: 9 })).toThrow(/pruned.blocks\[1\]: expected "tokens" to be .*at most 8/);
    expect(parse({}, { tokens: 4, attn: null })).toThrow(/expected "tokens" to be left out where no class token/);
    expect(parse({ class_token: false, pool: "avg" })).toThrow(/expected "tokens" to be left out where no class token/);
    expect(() => leaveTokens(tinyConfig({ class_token: false, pool: "avg" }), 0.5, [0])).toThrow(/with a class token/);
  });
});

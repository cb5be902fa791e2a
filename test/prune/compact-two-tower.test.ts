/** The law of compacting for two towers: what is cut out computes what gates at zero leave. */
import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { clipConfigToJson, type FloatTensor, parseClipConfig } from "../../src/io/index.js";
import { initialClipWeights, packTexts, TwoTower } from "../../src/nn/index.js";
import { compactTwoTower } from "../../src/prune/index.js";
import { Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals, randomGenerator } from "../harness/random.js";

const config = parseClipConfig(
  {
    architecture: "clip",
    projection_dim: 5,
    vision: { img_size: 4, patch_size: 2, in_chans: 1, embed_dim: 12, depth: 2, num_heads: 3, mlp_ratio: 2 },
    text: { vocab_size: 7, context: 4, embed_dim: 8, depth: 2, num_heads: 2, mlp_ratio: 3, cross_attention: true },
  },
  "test",
);

function noisyWeights(seed: number): Map<string, FloatTensor> {
  const weights = initialClipWeights(config, seed);
  let salt = seed * 1000;
  for (const [name, { shape, data }] of weights) {
    const noise = normals(data.length, salt++, 0.2);
    weights.set(name, { shape, data: data.map((value, i) => value + noise[i]) });
  }
  return weights;
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

async function outputs(model: TwoTower): Promise<number[]> {
  const images = Tensor.from(gpu, normals(3 * 16, 1), [3, 1, 4, 4]);
  const { ids, ends } = packTexts([[3, 1], [2, 5, 6, 1], [1]], config.text);
  const texts = { ids: Tensor.from(gpu, ids, [3, 4]), ends: Tensor.from(gpu, ends) };
  const points = [model.encodeImages(images), model.encodeTexts(texts), model.match(images, texts)];
  return (await Promise.all(points.map((point) => point.read()))).flatMap((values) => [...values]);
}

test.each([1, 2])("masked towers equal compact ones, written and read (seed %i)", async (seed) => {
  using _scope = gpu.scope();
  const weights = noisyWeights(seed);
  const masked = new TwoTower(gpu, config, weights);
  const dense = await outputs(masked);
  const next = randomGenerator(seed);
  const kept = new Map<string, Uint8Array>();
  for (const { name, units } of [...masked.unitGroups("headDim"), ...masked.unitGroups("neuron")]) {
    const keep = Uint8Array.from({ length: units }, (_, unit) => Number(unit === units - 1 || next() < 0.5));
    kept.set(name, keep);
    masked.gates.set(name.replace(/neuron$/, "hidden"), Tensor.from(gpu, Float32Array.from(keep)));
  }
  const cut = compactTwoTower({ config, weights }, kept);
  const reread = parseClipConfig(JSON.parse(JSON.stringify(clipConfigToJson(cut.config))), "cut");
  expect(reread).toEqual(cut.config);
  const compact = new TwoTower(gpu, reread, cut.weights);
  expect(compact.parameters.count).toBeLessThan(0.8 * masked.parameters.count);
  const [want, got] = [await outputs(masked), await outputs(compact)];
  for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[i], 4);
  expect(want).not.toEqual(dense);
});

test("what cannot be cut is named", () => {
  const host = { config, weights: noisyWeights(1) };
  const cut = (name: string, keep: Uint8Array) => () => compactTwoTower(host, new Map([[name, keep]]));
  expect(cut("text.blocks.9.mlp.neuron", Uint8Array.of(1))).toThrow(/got "text.blocks.9.mlp.neuron"/);
  expect(cut("text.blocks.0.attn.headDim", Uint8Array.of(0, 0, 0, 0))).toThrow(/expected 4 units of which some stay/);
  expect(cut("text.blocks.0.attn.headDim", Uint8Array.of(1, 1))).toThrow(/expected 4 units/);
});

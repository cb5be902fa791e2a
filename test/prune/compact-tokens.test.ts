/** The law of compacting for networks that leave out tokens: queries and keys stay where they rank tokens, whatever becomes of the values. */
import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { parseModelConfig, type ViTConfig, viTConfigToJson } from "../../src/io/index.js";
import { createModel, UNIT_KINDS, type UnitKind } from "../../src/nn/index.js";
import { compact, leaveTokens } from "../../src/prune/index.js";
import { Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { relativeError } from "../harness/hessian.js";
import { maskUnits } from "../harness/mask-units.js";
import { normals, randomGenerator } from "../harness/random.js";
import { noisyWeights, tinyConfig } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const shape = leaveTokens(tinyConfig({ patch_size: 2, depth: 3, embed_dim: 24, num_heads: 3 }), 0.6, [0, 1, 2]);

async function checkLaw(kinds: readonly UnitKind[], seed: number, density: number): Promise<ViTConfig> {
  using _scope = gpu.scope();
  const images = Tensor.from(gpu, normals(3 * 64, seed), [3, 1, 8, 8]);
  const masked = createModel(gpu, shape, noisyWeights(shape, seed));
  maskUnits(masked, kinds, seed + 7, density);
  const want = await masked.forward(images).logits.read();
  const cut = await compact(masked);
  const config = parseModelConfig(viTConfigToJson(cut.config as ViTConfig), "compact") as ViTConfig;
  const small = createModel(gpu, config, cut.weights);
  expect(relativeError(await small.forward(images).logits.read(), want)).toBeLessThan(1e-4);
  for (const model of [masked, small]) model.release();
  return config;
}

test.each(["head", "headDim", "attn.out", "attn.residual", "attn", "block", "embed"] as const)(
  "without some %s",
  async (kind) => {
    for (const seed of [1, 2]) {
      const { blocks } = await checkLaw([kind], seed, 0.5);
      expect(blocks.map(({ tokens }) => tokens)).toEqual([10, 6, 4]);
    }
  },
);

test("a block keeps the queries and keys that rank its tokens, though its attention adds nothing", async () => {
  using _scope = gpu.scope();
  const weights = noisyWeights(shape, 3);
  for (const part of ["weight", "bias"]) weights.get(`blocks.1.attn.proj.${part}`)!.data.fill(0);
  const masked = createModel(gpu, shape, weights);
  const images = Tensor.from(gpu, normals(3 * 64, 5), [3, 1, 8, 8]);
  const cut = await compact(masked, { roundTo: 1 });
  const { blocks } = cut.config as ViTConfig;
  expect(blocks[1]).toMatchObject({ tokens: 6, attention: { heads: 3, outputs: [0] } });
  const small = createModel(gpu, cut.config, cut.weights);
  const [want, got] = await Promise.all([masked, small].map((model) => model.forward(images).logits.read()));
  expect(relativeError(got, want)).toBeLessThan(1e-4);
  for (const model of [masked, small]) model.release();
});

test.each([1, 2, 3, 4])("random kinds together (seed %i)", async (seed) => {
  const next = randomGenerator(seed * 17);
  const kinds = UNIT_KINDS.filter(() => next() < 0.5);
  await checkLaw([...kinds, "head"], seed, 0.5 + 0.4 * next());
});

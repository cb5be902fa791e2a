/** Gates inside of products give what they give as passes of their own, which is how a model runs where somebody looks on. */
import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { type ModelConfig, parseModelConfig, type ViTConfig } from "../../src/io/index.js";
import { architectureOf, createModel, type Model, type ModelWeights } from "../../src/nn/index.js";
import { compact } from "../../src/prune/index.js";
import { backward, sum, Tensor, withoutHistory } from "../../src/tensor/index.js";
import { requireFeature, sharedGpu } from "../harness/gpu.js";
import { relativeError } from "../harness/hessian.js";
import { maskUnits } from "../harness/mask-units.js";
import { normals } from "../harness/random.js";
import { noisyWeights, tinyConfig } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const BATCH = 3;
const config = tinyConfig({ embed_dim: 24, num_heads: 3 });
const mlp = parseModelConfig({ architecture: "mlp", inputs: 33, hidden: [20, 9], num_classes: 3 }, "test");

/** Gates at every place, with the widest or the narrowest units; zeros, ones and others among them. */
function closeSome(model: Model, widest: boolean): void {
  let seed = 0;
  for (const [place, { units }] of model.gates.places) {
    const values = normals(widest ? Math.max(...units) : Math.min(...units), seed++, 0.5).map((value) => value + 1);
    if (values.length > 2) values.set([0, 1]);
    model.gates.set(place, Tensor.from(gpu, values));
  }
}

const imagesOf = ({ sampleShape }: Model): Tensor => {
  const size = sampleShape.reduce((product, extent) => product * extent, BATCH);
  return Tensor.from(gpu, normals(size, 5), [BATCH, ...sampleShape]);
};

async function compactViT(): Promise<[ModelConfig, ModelWeights]> {
  const masked = createModel(gpu, config, noisyWeights(config, 2));
  maskUnits(masked, ["headDim", "attn.in", "attn.residual", "mlp.residual", "neuron"], 9, 0.5);
  const cut = await compact(masked);
  masked.release();
  return [cut.config as ViTConfig, cut.weights];
}

const networks: Record<string, () => Promise<[ModelConfig, ModelWeights]>> = {
  "a ViT": async () => [config, noisyWeights(config, 1)],
  "a compact ViT": compactViT,
  "an MLP": async () => [mlp, architectureOf(mlp).initialWeights(4)],
};

const cases = Object.keys(networks).flatMap((network) =>
  (["weights", "gates", "both"] as const).flatMap((asking) => [
    { network, asking, widest: true, masked: true },
    { network, asking, widest: false, masked: false },
  ]),
);

test.each(cases)("$network, gradients of $asking, widest units $widest, masked $masked", async (options) => {
  using _scope = gpu.scope();
  const model = createModel(gpu, ...(await networks[options.network]()));
  if (options.masked) maskUnits(model, ["neuron"], 3, 0.5);
  closeSome(model, options.widest);
  const leaves = [
    ...Array.from(model.parameters, ({ name, value }) => ({ name, leaf: value, asks: options.asking !== "gates" })),
    ...Array.from(model.gates, ([name, leaf]) => ({ name, leaf, asks: options.asking !== "weights" })),
  ];
  for (const { leaf, asks } of leaves) leaf.requiresGradient = asks;
  const images = imagesOf(model);
  const [want, got] = [{ observer: {} }, {}].map((forward) => {
    const before = gpu.counters.dispatches;
    const { logits } = model.forward(images, forward);
    return { logits, dispatches: gpu.counters.dispatches - before, gradients: backward(sum(logits)) };
  });
  expect(got.dispatches).toBeLessThan(want.dispatches);
  expect(relativeError(await got.logits.read(), await want.logits.read())).toBeLessThan(1e-5);
  const withGradient = leaves.filter(({ leaf }) => want.gradients.get(leaf));
  expect(withGradient.length).toBeGreaterThan(0);
  for (const { name, leaf } of withGradient) {
    const [a, b] = [await got.gradients.get(leaf)!.read(), await want.gradients.get(leaf)!.read()];
    // Those of a block's gate are sums that cancel.
    if (b.some((value) => value !== 0)) expect(relativeError(a, b), name).toBeLessThan(1e-3);
    else expect(a, name).toEqual(b);
  }
  const inference = withoutHistory(() => model.forward(images).logits);
  expect(relativeError(await inference.read(), await got.logits.read())).toBeLessThan(1e-6);
  model.release();
});

test("in f16, which fused gates round less often", async (context) => {
  requireFeature(gpu, "shader-f16", context);
  using _scope = gpu.scope();
  const model = createModel(gpu, config, noisyWeights(config, 1), { precision: "f16" });
  closeSome(model, true);
  const images = imagesOf(model);
  const [want, got] = [{ observer: {} }, {}].map((forward) =>
    withoutHistory(() => model.forward(images, forward).logits),
  );
  expect(relativeError(await got.read(), await want.read())).toBeLessThan(0.01);
  model.release();
});

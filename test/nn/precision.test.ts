/** Models in f16 against the same in f32: plain, masked, gated and compact. What f16 cannot do is refused. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { type ModelConfig, parseModelConfig, type ViTConfig } from "../../src/io/index.js";
import { architectureOf, createModel, type Model, type ModelWeights } from "../../src/nn/index.js";
import { compact, criterionByName, prune } from "../../src/prune/index.js";
import { cast, gate, softmax, Tensor, withoutHistory } from "../../src/tensor/index.js";
import { ADAMW_DEFAULTS, AdamW } from "../../src/train/index.js";
import { requireFeature, sharedGpu } from "../harness/gpu.js";
import { relativeError } from "../harness/hessian.js";
import { maskUnits } from "../harness/mask-units.js";
import { normals, uniforms } from "../harness/random.js";
import { noisyWeights, tinyConfig } from "../harness/tiny-vit.js";

const BATCH = 3;
const config = tinyConfig({ embed_dim: 24, num_heads: 3, depth: 3 });
const mlp = parseModelConfig({ architecture: "mlp", inputs: 33, hidden: [20, 9], num_classes: 3 }, "test");

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

async function logitsOf(model: Model): Promise<Float32Array> {
  using _scope = gpu.scope();
  const size = BATCH * model.sampleShape.reduce((product, extent) => product * extent, 1);
  const images = Tensor.from(gpu, normals(size, 5), [BATCH, ...model.sampleShape]);
  return withoutHistory(() => model.forward(images).logits).read();
}

/** A dozen layers round to 2^-11 each. */
async function expectAgreement(config: ModelConfig, weights: ModelWeights, change: (model: Model) => void = () => {}) {
  const [wide, half] = (["f32", "f16"] as const).map((precision) => createModel(gpu, config, weights, { precision }));
  for (const model of [wide, half]) change(model);
  const [want, got] = [await logitsOf(wide), await logitsOf(half)];
  expect(relativeError(got, want)).toBeLessThan(0.01);
  expect(got).not.toEqual(want);
  for (const model of [wide, half]) model.release();
}

describe("in f16", () => {
  beforeEach((context) => requireFeature(gpu, "shader-f16", context));

  test("a ViT, plain, with masks and with gates", async () => {
    const weights = noisyWeights(config, 1);
    await expectAgreement(config, weights);
    await expectAgreement(config, weights, (model) => maskUnits(model, ["head", "neuron"], 3, 0.5));
    await expectAgreement(config, weights, (model) => {
      for (const [place, { units }] of model.gates.places) {
        model.gates.set(place, Tensor.from(gpu, uniforms(units[0], 7, 0.5, 1)));
      }
    });
  });

  test("a compact ViT whose matrices read and write some channels", async () => {
    const masked = createModel(gpu, config, noisyWeights(config, 2));
    maskUnits(masked, ["headDim", "attn.in", "attn.residual", "mlp.residual"], 9, 0.5);
    const cut = await compact(masked);
    masked.release();
    await expectAgreement(cut.config as ViTConfig, cut.weights);
  });

  test("a distilled ViT that averages its tokens' heads, and an MLP", async () => {
    const distilled = tinyConfig({ distilled: true });
    await expectAgreement(distilled, noisyWeights(distilled, 3));
    await expectAgreement(mlp, architectureOf(mlp).initialWeights(4));
  });

  test("matrices take half of the memory; tensors of f32 are rounded on the device", async () => {
    const weights = noisyWeights(config, 1);
    const tensors = new Map([...weights].map(([name, { data, shape }]) => [name, Tensor.from(gpu, data, shape)]));
    const [ofHost, ofDevice] = [weights, tensors].map((from) => createModel(gpu, config, from, { precision: "f16" }));
    expect(ofHost.parameters.get("head.weight").value.type).toBe("f16");
    expect(ofHost.parameters.get("head.bias").value.type).toBe("f32");
    expect(await logitsOf(ofDevice)).toEqual(await logitsOf(ofHost));
    for (const model of [ofHost, ofDevice]) model.release();
    for (const tensor of tensors.values()) gpu.release(tensor);
  });

  test("training, pruning, gradients and operations that read f32 are refused", async () => {
    const model = createModel(gpu, config, noisyWeights(config, 1), { precision: "f16" });
    expect(() => new AdamW(gpu, model.parameters, ADAMW_DEFAULTS)).toThrow(/training: expected a model in f32/);
    const pruning = { saliency: criterionByName("magnitude"), granularity: "weight", sparsity: 0.5 } as const;
    await expect(prune(model, pruning)).rejects.toThrow(/pruning: expected a model in f32/);
    model.release();
    using _scope = gpu.scope();
    const x = cast(Tensor.from(gpu, normals(12, 1), [3, 4]), "f16");
    expect(() => softmax(x)).toThrow("softmax: expected tensors of f32, got f16");
    expect(() => gate(Tensor.from(gpu, normals(12, 1), [3, 4]), x, 1)).toThrow("got f16 for g; cast to f32 first");
    expect(relativeError(await x.read(), normals(12, 1))).toBeLessThan(2 ** -10);
  });
});

test("convolutional networks, and devices without it, are refused", () => {
  const resnet = parseModelConfig({ architecture: "resnet20", num_classes: 3 }, "test");
  const weights = architectureOf(resnet).initialWeights(1);
  expect(() => createModel(gpu, resnet, weights, { precision: "f16" })).toThrow(/expected a ViT, DeiT or MLP/);
  if (gpu.features.has("shader-f16")) return;
  const make = () => createModel(gpu, config, noisyWeights(config, 1), { precision: "f16" });
  expect(make).toThrow(/expected a device with shader-f16/);
});

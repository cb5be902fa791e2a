/** Exported files run in onnxruntime: the same logits as here, for batches of 1 and 3. */
import { beforeAll, type TestContext, test } from "vitest";
import type { Checkpoint } from "../../src/io/index.js";
import { encodeOnnx, type FloatTensor, inputSpec, type ModelConfig, parseModelConfig } from "../../src/io/index.js";
import { loadModel } from "../../src/io/node/index.js";
import { architectureOf, createModel } from "../../src/nn/index.js";
import { maskWeights } from "../../src/prune/index.js";
import { Tensor, withoutHistory } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals, uniforms } from "../harness/random.js";
import { missing, sharedPath } from "../harness/shared.js";
import { type OnnxRuntime, openOnnxRuntime } from "./runtime.js";

type Weights = ReadonlyMap<string, FloatTensor>;

let runtime: OnnxRuntime | string;
beforeAll(() => {
  runtime = openOnnxRuntime();
});

async function logitsHere(config: ModelConfig, weights: Weights, shape: readonly number[], images: Float32Array) {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const model = createModel(gpu, config, weights);
  const logits = await withoutHistory(() => model.forward(Tensor.from(gpu, images, shape)).logits).read();
  model.release();
  return logits;
}

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Throws where a logit is more than 1e-4 of the largest one away. */
async function compare(context: TestContext, config: ModelConfig, weights: Weights): Promise<void> {
  if (typeof runtime === "string") return context.skip(runtime);
  const session = await runtime.InferenceSession.create(encodeOnnx(config, weights));
  try {
    for (const batch of [1, 3]) {
      const shape = [batch, ...inputSpec(config).sampleShape];
      const images = normals(
        shape.reduce((a, b) => a * b),
        batch,
      );
      const want = await logitsHere(config, weights, shape, images);
      const { logits } = await session.run({ images: new runtime.Tensor("float32", images, shape) });
      context.expect(logits.dims).toEqual([batch, config.numClasses]);
      const error = largest(want.map((value, i) => value - logits.data[i])) / largest(want);
      context.expect(error).toBeLessThan(1e-4);
    }
  } finally {
    await session.release();
  }
}

/** Removes 60% of the weights and biases of all blocks at random. */
const masked = (weights: Weights): Weights =>
  maskWeights(
    weights,
    new Map(
      [...weights]
        .filter(([name]) => name.startsWith("blocks."))
        .map(([name, { shape, data }], seed) => {
          const keep = Uint8Array.from(uniforms(data.length, seed), (draw) => Number(draw > 0.6));
          return [name, { shape, data: keep }];
        }),
    ),
  );

const checkpoints: readonly (readonly [name: string, path: string, absent: string | undefined])[] = [
  ["the demo's ViT", "demo/digits", undefined],
  ["DeiT-tiny", sharedPath("data/deit-tiny"), missing("data/deit-tiny")],
];

for (const [name, path, absent] of checkpoints) {
  const load = (context: TestContext): Promise<Checkpoint> => (absent ? context.skip(absent) : loadModel(path));

  test(`${name}, dense`, async (context) => {
    const { config, weights } = await load(context);
    await compare(context, config, weights);
  });

  test(`${name}, masked`, async (context) => {
    const { config, weights } = await load(context);
    await compare(context, config, masked(weights));
  });
}

const architectures = {
  "a distilled DeiT": { architecture: "deit_tiny_distilled_patch16_224", depth: 2, img_size: 32 },
  "a ViT that pools the mean": { architecture: "vit_tiny_patch16_224", depth: 2, img_size: 48, pool: "avg" },
  "LeNet-300-100": { architecture: "lenet_300_100" },
  "ResNet-20": { architecture: "resnet20" },
  "VGG-16": { architecture: "vgg16_bn", img_size: 16 },
  "ResNet-18": { architecture: "resnet18", img_size: 32 },
};

for (const [name, json] of Object.entries(architectures)) {
  test(`${name} with fresh weights`, async (context) => {
    const config = parseModelConfig(json, name);
    await compare(context, config, architectureOf(config).initialWeights(1));
  });
}

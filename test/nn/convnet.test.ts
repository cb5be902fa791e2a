/** ResNets and VGG against float64 loops: evaluation, training with its running statistics, gradients, channels and gates. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { convNetLayout } from "../../src/io/convnet-networks.js";
import { type ConvNetConfig, type FloatTensor, parseModelConfig, parseSafetensors } from "../../src/io/index.js";
import { expectedParameters, parameterCount } from "../../src/io/parameters.js";
import { convNetGatePlaces } from "../../src/nn/convnet-sites.js";
import {
  architectureOf,
  ConvNet,
  createModel,
  type ForwardOptions,
  type Model,
  type Observer,
  TrainingPass,
} from "../../src/nn/index.js";
import { captureWeights } from "../../src/prune/index.js";
import { backward, crossEntropy, type Gradients, mean, Tensor, withoutHistory } from "../../src/tensor/index.js";
import { mismatch, sumOf } from "../harness/close.js";
import { float64ConvNet, type OracleMode, type OracleTensor } from "../harness/float64-convnet.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals, uniforms } from "../harness/random.js";
import { missing, sharedPath } from "../harness/shared.js";
import { tinyConfig } from "../harness/tiny-vit.js";

const configOf = (architecture: string, settings: Record<string, unknown> = {}): ConvNetConfig =>
  parseModelConfig({ architecture, num_classes: 4, ...settings }, "test") as ConvNetConfig;

/** Images so small that every stage still has something to do, and odd where strides allow it. */
const RESNET20 = configOf("resnet20", { img_size: 9, in_chans: 1 });
const CONFIGS = [
  RESNET20,
  configOf("vgg16_bn", { img_size: 17, in_chans: 2 }),
  configOf("resnet18", { img_size: 17 }),
  configOf("resnet50", { img_size: 16 }),
];
const BATCH = 2;
const labels = Uint32Array.of(2, 0);

/** Fresh weights with noise on everything that starts as a constant, so that nothing is left out unseen. */
function weightsOf(config: ConvNetConfig): Map<string, FloatTensor> {
  const weights = architectureOf(config).initialWeights(3);
  for (const [index, [name, { shape, data }]] of [...weights].entries()) {
    if (shape.length === 4 || shape.length === 2) continue;
    const noise = name.endsWith("running_var")
      ? uniforms(data.length, index, -0.5, 1)
      : normals(data.length, index, 0.2);
    noise.forEach((value, i) => {
      data[i] += value;
    });
  }
  return weights;
}

function imagesOf({ imageSize, inChannels }: ConvNetConfig) {
  const shape = [BATCH, inChannels, imageSize, imageSize];
  return { shape, data: normals(BATCH * inChannels * imageSize ** 2, 7) };
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const upload = ({ shape, data }: { shape: readonly number[]; data: Float32Array }) => Tensor.from(gpu, data, shape);
const trainingPass = () => new TrainingPass(Tensor.zeros(gpu, [2], "u32"));

/** Mean cross-entropy in float64. */
function lossOf(logits: Float64Array): number {
  const classes = logits.length / BATCH;
  let sum = 0;
  for (let example = 0; example < BATCH; example++) {
    const row = logits.subarray(example * classes, (example + 1) * classes);
    const highest = Math.max(...row);
    sum += Math.log(row.reduce((total, z) => total + Math.exp(z - highest), 0)) + highest - row[labels[example]];
  }
  return sum / BATCH;
}

/** Sums of thousands of terms, layer after layer; errors grow with the depth. */
const DEEP = sumOf(10_000);

/**
 * The loss's derivative along a random direction over up to a thousand values of each of these parameters: by the gradients, with their norm there,
 * and by central differences in float64.
 */
async function alongDirection(
  { config, weights, gradients, model }: Differentiated,
  names: readonly string[],
  mode: OracleMode,
): Promise<{ got: number; want: number; norm: number }> {
  let [got, square] = [0, 0];
  const moves: { name: string; at: number; by: number }[] = [];
  for (const [index, name] of names.entries()) {
    const { value, size } = model.parameters.get(name);
    const gradient = await gradients.get(value)!.read();
    const step = Math.ceil(size / 1000);
    normals(Math.ceil(size / step), index).forEach((by, i) => {
      moves.push({ name, at: i * step, by });
      got += gradient[i * step] * by;
      square += gradient[i * step] ** 2;
    });
  }
  const step = 1e-6;
  const loss = (distance: number) => {
    const moved = new Map(names.map((name) => [name, Float64Array.from(weights.get(name)!.data)]));
    for (const { name, at, by } of moves) moved.get(name)![at] += distance * by;
    const changed = Array.from(moved, ([name, data]) => [name, { shape: weights.get(name)!.shape, data }] as const);
    const all = new Map<string, OracleTensor>([...weights, ...changed]);
    return lossOf(float64ConvNet(config.architecture, all, imagesOf(config), mode).logits);
  };
  return { got, want: (loss(step) - loss(-step)) / (2 * step), norm: Math.sqrt(square) };
}

interface Differentiated {
  readonly config: ConvNetConfig;
  readonly weights: ReadonlyMap<string, FloatTensor>;
  readonly model: Model;
  readonly gradients: Gradients;
}

function differentiate(config: ConvNetConfig, options: ForwardOptions): Differentiated {
  const weights = weightsOf(config);
  const model = createModel(gpu, config, weights);
  const { logits } = model.forward(upload(imagesOf(config)), options);
  const loss = mean(crossEntropy({ logits, labels: Tensor.from(gpu, labels) }, { smoothing: 0 }));
  return { config, weights, model, gradients: backward(loss) };
}

describe.each(CONFIGS)("$architecture", (config) => {
  const { architecture } = config;

  test("agrees with float64", async () => {
    using _scope = gpu.scope();
    const [weights, images] = [weightsOf(config), imagesOf(config)];
    const want = float64ConvNet(architecture, weights, images).logits;
    const model = createModel(gpu, config, weights);
    const got = await withoutHistory(() => model.forward(upload(images)).logits).read();
    expect(mismatch(got, want, DEEP)).toBeUndefined();
  });
});

test.each(CONFIGS.filter(({ architecture }) => architecture !== "resnet18"))(
  "$architecture has gradients for all that is trained, which agree with central differences in float64",
  async (config) => {
    using _scope = gpu.scope();
    const places: string[] = [];
    const activation = (x: Tensor, place: string) => {
      places.push(place);
      return x;
    };
    const pass = differentiate(config, { activation });
    expect(new Set(places).size).toBe(places.length);
    for (const place of pass.model.gates.places.keys()) expect(places).toContain(place);
    for (const { name, value, trainable } of pass.model.parameters) {
      expect(trainable).toBe(!name.includes("running"));
      expect(pass.gradients.get(value) !== undefined, name).toBe(trainable);
    }
    const trained = Array.from(pass.model.parameters).filter(({ trainable }) => trainable);
    const names = trained.map(({ name }) => name);
    const { got, want, norm } = await alongDirection(pass, names, { linear: true });
    expect(Math.abs(got - want) / norm, `${got} for ${want}`).toBeLessThan(1e-4);
  },
  120_000,
);

describe("training", () => {
  const images = imagesOf(RESNET20);
  const weights = weightsOf(RESNET20);

  test("normalises by the batch, and moves the running statistics by a tenth", async () => {
    using _scope = gpu.scope();
    const want = float64ConvNet("resnet20", weights, images, { training: true });
    const model = createModel(gpu, RESNET20, weights);
    const { logits } = withoutHistory(() => model.forward(upload(images), { training: trainingPass() }));
    expect(mismatch(await logits.read(), want.logits, DEEP)).toBeUndefined();
    for (const { name, value, trainable } of model.parameters) {
      expect(trainable).toBe(!want.statistics.has(name));
      const before = weights.get(name)!.data;
      const batch = want.statistics.get(name);
      const after = batch?.map((now, channel) => 0.9 * before[channel] + 0.1 * now) ?? before;
      expect(mismatch(await value.read(), after, batch ? DEEP : sumOf(1)), name).toBeUndefined();
    }
  });

  test("may be asked for one or the other, which leave the running statistics as they are", async () => {
    using _scope = gpu.scope();
    const model = createModel(gpu, RESNET20, weights);
    const logits = (options: ForwardOptions) =>
      withoutHistory(() => model.forward(upload(images), options).logits).read();
    const byBatch = await logits({ batchNorm: "batch" });
    expect(await logits({ batchNorm: "batch", training: trainingPass() })).toEqual(byBatch);
    expect(await logits({ batchNorm: "running", training: trainingPass() })).toEqual(await logits({}));
    for (const [name, { data }] of await model.parameters.read()) expect(data).toEqual(weights.get(name)!.data);
    expect(await logits({ training: trainingPass() })).toEqual(byBatch);
  });

  test("has the gradients of central differences in float64, part by part", async () => {
    using _scope = gpu.scope();
    const pass = differentiate(RESNET20, { batchNorm: "batch", activation: (x) => x });
    const names = Array.from(pass.model.parameters, ({ name, trainable }) => (trainable ? name : "")).filter(Boolean);
    for (const part of [/conv/, /bn.*weight/, /bn.*bias/, /shortcut\.weight/, /shortcut\.[01]/, /^fc/]) {
      const chosen = names.filter((name) => part.test(name));
      const { got, want, norm } = await alongDirection(pass, chosen, { training: true, linear: true });
      expect(Math.abs(got - want) / norm, `${part}: ${got} for ${want}`).toBeLessThan(1e-3);
    }
  }, 120_000);
});

test("fresh weights are those of the code that the architecture comes from, by seed", () => {
  const deviation = ({ data }: FloatTensor) =>
    Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
  const largest = ({ data }: FloatTensor) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const authors = architectureOf(configOf("vgg16_bn", { num_classes: 100 })).initialWeights(1);
  // 1,179,648 and 51,200 draws: Kaiming's normal rule by fan-in.
  expect(deviation(authors.get("layers.10.conv.weight")!) / Math.sqrt(2 / (256 * 9))).toBeCloseTo(1, 2);
  expect(deviation(authors.get("fc.weight")!) / Math.sqrt(2 / 512)).toBeCloseTo(1, 1);
  expect(largest(authors.get("layers.10.conv.bias")!) * Math.sqrt(256 * 9)).toBeCloseTo(1, 1);
  expect(largest(authors.get("fc.bias")!)).toBeLessThanOrEqual(1 / Math.sqrt(512));
  const config = configOf("resnet18", { num_classes: 100 });
  const torchvision = architectureOf(config).initialWeights(1);
  // By fan-out; a classifier as torch.nn.Linear draws it.
  expect(deviation(torchvision.get("layer3.0.conv1.weight")!) / Math.sqrt(2 / (256 * 9))).toBeCloseTo(1, 2);
  expect(largest(torchvision.get("fc.weight")!) * Math.sqrt(512)).toBeCloseTo(1, 3);
  for (const [name, value] of [
    ["layer1.0.bn1.weight", 1],
    ["layer1.0.bn1.bias", 0],
    ["layer2.0.downsample.1.running_mean", 0],
    ["layer2.0.downsample.1.running_var", 1],
  ] as const) {
    expect(
      torchvision.get(name)!.data.every((each) => each === value),
      name,
    ).toBe(true);
  }
  const identity = architectureOf(RESNET20).initialWeights(1).get("blocks.0.shortcut.weight")!;
  expect(identity).toEqual({ shape: [16, 1, 1], data: new Float32Array(16).fill(1) });
  const other = (seed: number) => architectureOf(RESNET20).initialWeights(seed);
  expect(other(4)).toEqual(other(4));
  expect(other(4)).not.toEqual(other(5));
});

describe("layers", () => {
  // Parameters without running statistics, and multiply-accumulates of convolutions and classifier, as PyTorch models of these sizes have them.
  test.each([
    ["resnet20", {}, 272_714, 40_813_184],
    ["vgg16_bn", {}, 14_728_266, 313_201_664],
    ["resnet18", {}, 11_689_512, 1_814_073_344],
    ["resnet50", {}, 25_557_032, 4_089_184_256],
  ])("of %s have the published sizes", (architecture, settings, parameters, products) => {
    const config = parseModelConfig({ architecture, ...settings }, "test");
    expect(parameterCount(config)).toBe(parameters);
    expect(architectureOf(config).flops).toBe(2 * products);
  });

  test("are convolutions, shortcuts after their branch, and the classifier", () => {
    const { layers } = architectureOf(configOf("resnet50"));
    expect(layers.slice(0, 6).map(({ name }) => name)).toEqual([
      "conv1",
      "layer1.0.conv1",
      "layer1.0.conv2",
      "layer1.0.conv3",
      "layer1.0.downsample.0",
      "layer1.1.conv1",
    ]);
    expect(layers[0]).toMatchObject({ kind: "conv", out: 64, in: 3 * 49, applications: 112 ** 2, hasBias: false });
    expect(layers.at(-1)).toMatchObject({ name: "fc", kind: "classifier", out: 4, in: 2048, hasBias: true });
    expect(architectureOf(configOf("vgg16_bn")).layers[0]).toMatchObject({ name: "layers.0.conv", hasBias: true });
  });

  const folder = "goldens/px-resnet20-a";
  const absent = missing(folder);
  test.skipIf(absent)(`of ResNet-20 are those of ${folder}${absent ? ` (${absent})` : ""}`, () => {
    const read = (name: string) => {
      const path = sharedPath(`${folder}/${name}.safetensors`);
      return Array.from(
        parseSafetensors(readFileSync(path), path).tensors,
        ([key, { shape }]) => [key, shape] as const,
      );
    };
    const config = configOf("resnet20", { num_classes: 10, img_size: 16 });
    expect([...expectedParameters(config)].sort()).toEqual(read("model").sort());
    const names = architectureOf(config).layers.map(({ name }) => `${name}.weight`);
    expect(names.sort()).toEqual(
      read("px.scores_round1")
        .map(([key]) => key)
        .sort(),
    );
  });
});

describe("channels", () => {
  test.each([
    [RESNET20, "blocks.3.conv1"],
    [configOf("vgg16_bn", { img_size: 17, in_chans: 2 }), "layers.16.conv"],
  ])("closed by a gate, or pruned, are as if they were not there", async (config, conv) => {
    using _scope = gpu.scope();
    const [weights, images] = [weightsOf(config), imagesOf(config)];
    const model = createModel(gpu, config, weights);
    const group = model.unitGroups("neuron").find(({ name }) => name === `${conv}.neuron`)!;
    expect(model.gates.places.get(group.name)!.units).toEqual([group.units]);
    const open = new Float32Array(group.units).fill(1);
    open[5] = 0;
    const cut = new Map<string, FloatTensor>(weights);
    for (const { parameter, inner, period } of group.members) {
      const { shape, data } = weights.get(parameter)!;
      cut.set(parameter, { shape, data: data.map((value, i) => (Math.floor(i / inner) % period === 5 ? 0 : value)) });
    }
    const want = float64ConvNet(config.architecture, cut, images).logits;
    model.gates.set(group.name, Tensor.from(gpu, open));
    expect(mismatch(await model.forward(upload(images)).logits.read(), want, DEEP)).toBeUndefined();
    const pruned = await createModel(gpu, config, cut).forward(upload(images)).logits.read();
    expect(mismatch(pruned, want, DEEP)).toBeUndefined();
    expect(model.unitGroups("head")).toEqual([]);
  });

  test("of bottlenecks are those of both inner convolutions", () => {
    const names = [...convNetGatePlaces(convNetLayout(configOf("resnet50"))).keys()];
    expect(names.slice(0, 3)).toEqual(["layer1.0.conv1.neuron", "layer1.0.conv2.neuron", "layer1.1.conv1.neuron"]);
    expect(names).toHaveLength(32);
  });
});

test("snapshots of the weights hold the running statistics too", async () => {
  using _scope = gpu.scope();
  const weights = weightsOf(RESNET20);
  const model = createModel(gpu, RESNET20, weights);
  using snapshot = captureWeights(model);
  withoutHistory(() => model.forward(upload(imagesOf(RESNET20)), { training: trainingPass() }));
  const statistic = () => model.parameters.get("blocks.8.bn2.running_var").value.read();
  expect(await statistic()).not.toEqual(weights.get("blocks.8.bn2.running_var")!.data);
  snapshot.restore();
  expect(await statistic()).toEqual(weights.get("blocks.8.bn2.running_var")!.data);
});

test("an observer sees the patches of a convolution and what it makes of them as rows", async () => {
  for (const [config, names] of [
    [RESNET20, ["conv", "blocks.3.conv1", "blocks.3.shortcut.0", "fc"]],
    [configOf("vgg16_bn", { img_size: 16, in_chans: 1 }), ["layers.0.conv"]],
  ] as const) {
    using _scope = gpu.scope();
    const weights = weightsOf(config);
    const seen = new Map<string, Tensor>();
    const keep = (key: string, { shape, buffer, size }: Tensor) => {
      const copy = gpu.unscoped(() => Tensor.empty(gpu, shape));
      gpu.copy(buffer, copy.buffer, 4 * size);
      seen.set(key, copy);
    };
    const layer: Observer["layer"] = (name, input, output) => {
      if (!names.some((wanted) => wanted === name)) return;
      keep(`${name} in`, input);
      keep(`${name} out`, output);
    };
    withoutHistory(() => createModel(gpu, config, weights).forward(upload(imagesOf(config)), { observer: { layer } }));
    for (const name of names) {
      const [input, output] = [seen.get(`${name} in`)!, seen.get(`${name} out`)!];
      const [rows, columns, outputs] = [input.shape[0], input.shape[1], output.shape[1]];
      const [x, weight, bias] = [await input.read(), weights.get(`${name}.weight`)!, weights.get(`${name}.bias`)];
      const want = Float64Array.from({ length: rows * outputs }, (_, i) => {
        const [row, out] = [Math.floor(i / outputs), i % outputs];
        let sum = bias?.data[out] ?? 0;
        for (let k = 0; k < columns; k++) sum += weight.data[out * columns + k] * x[row * columns + k];
        return sum;
      });
      expect(mismatch(await output.read(), want, sumOf(columns)), name).toBeUndefined();
    }
  }
});

test("images of another shape, and configs and weights of other networks, are refused", () => {
  const model = createModel(gpu, RESNET20, weightsOf(RESNET20));
  expect(() => model.forward(Tensor.zeros(gpu, [2, 3, 9, 9]))).toThrow(
    "resnet20: expected images [N, 1, 9, 9], got [2,3,9,9]",
  );
  expect(() => new ConvNet(gpu, tinyConfig(), new Map())).toThrow(
    'model: expected the config of a ResNet or VGG, got "vit"',
  );
  const narrow = new Map(weightsOf(RESNET20)).set("conv.weight", { shape: [16, 3, 3, 3], data: new Float32Array(432) });
  expect(() => createModel(gpu, RESNET20, narrow)).toThrow(
    'expected "conv.weight" of shape 16 x 1 x 3 x 3, got 16 x 3 x 3 x 3',
  );
  model.release();
});

test("without history a pass keeps only its result", async () => {
  const model = createModel(gpu, RESNET20, weightsOf(RESNET20));
  const x = upload(imagesOf(RESNET20));
  for (const options of [{}, { batchNorm: "batch" }] as const) {
    const { inUse } = gpu.memory;
    gpu.release(withoutHistory(() => model.forward(x, options).logits));
    expect(gpu.memory.inUse).toBe(inUse);
  }
  gpu.release(x);
  model.release();
});

/** ONNX files: their structure, and their arithmetic in float64 against the model's own logits. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import { encodeOnnx, expectedParameters, inputSpec, type ModelConfig, parseModelConfig } from "../../src/io/index.js";
import { createModel } from "../../src/nn/index.js";
import { compact } from "../../src/prune/compact/index.js";
import { maskWeights } from "../../src/prune/index.js";
import { Tensor, withoutHistory } from "../../src/tensor/index.js";
import { EXACT, mismatch } from "../harness/close.js";
import { sharedGpu } from "../harness/gpu.js";
import { maskUnits } from "../harness/mask-units.js";
import { readOnnx } from "../harness/onnx/file.js";
import { runOnnx } from "../harness/onnx/run.js";
import { normals, uniforms } from "../harness/random.js";
import { TINY_JSON } from "../harness/tiny-vit.js";

const vit = (changes: Record<string, unknown> = {}): ModelConfig =>
  parseModelConfig({ ...TINY_JSON, ...changes }, "tiny");

/** Each index list once, a block without attention, one without an MLP, an empty one, and 16 channels of 24. */
const RAGGED = {
  depth: 5,
  pruned: {
    norm_width: 24,
    blocks: [
      { attn: { heads: 2, head_dim: 3, scale: 0.4 }, mlp: { hidden: 7 } },
      {
        attn: { heads: 2, head_dim: 4, scale: 0.3, in: "0-3,9,11", qkv: "0-2,4-10,16-18,21", out: "2-8,15" },
        mlp: { hidden: 5, in: "1,3-15", out: "0,6-7" },
      },
      { attn: null, mlp: { hidden: 1 } },
      { attn: { heads: 1, head_dim: 5, scale: 1 }, mlp: null },
      { attn: null, mlp: null },
    ],
  },
};

/** Blocks that keep some of 16 patches, also twice. */
const FEWER_TOKENS = {
  img_size: 16,
  depth: 4,
  pruned: {
    blocks: [11, undefined, 5, 5].map((tokens) => ({
      attn: { heads: 2, head_dim: 8, in: "0-9" },
      mlp: { hidden: 7 },
      ...(tokens && { tokens }),
    })),
  },
};

const models: readonly (readonly [title: string, config: ModelConfig])[] = [
  ["a ViT", vit()],
  ["a ViT of three channels, ReLU and no bias of qkv", vit({ in_chans: 3, activation: "relu", qkv_bias: false })],
  ["a ViT that pools the mean", vit({ pool: "avg" })],
  ["a ViT without a class token", vit({ pool: "avg", class_token: false })],
  ["a distilled DeiT", vit({ distilled: true })],
  ["a ViT that was cut", vit(RAGGED)],
  ["a ViT with an exit, which is for training", vit({ exits: [1] })],
  ["a ViT that leaves tokens out", vit(FEWER_TOKENS)],
  ["a distilled DeiT that leaves tokens out", vit({ ...FEWER_TOKENS, distilled: true })],
  ["a ViT that leaves tokens out and pools the mean", vit({ ...FEWER_TOKENS, pool: "avg" })],
  ["a cut ViT that pools the mean", vit({ ...RAGGED, pool: "avg" })],
  ["an MLP", parseModelConfig({ architecture: "mlp", inputs: 6, hidden: [9, 7], num_classes: 4 }, "mlp")],
  [
    "an MLP without biases",
    parseModelConfig({ architecture: "mlp", inputs: 6, hidden: [5], num_classes: 3, bias: false }, "mlp"),
  ],
  ["a ResNet-20", parseModelConfig({ architecture: "resnet20", img_size: 4 }, "resnet20")],
];

/** Values that leave activations of a size near 1; variances are positive. */
function randomWeights(config: ModelConfig) {
  let seed = 0;
  return new Map(
    Array.from(expectedParameters(config), ([name, shape]) => {
      const length = shape.reduce((size, extent) => size * extent, 1);
      const isFactor = shape.length === 1 && name.endsWith(".weight");
      const spread = shape.length > 1 ? Math.min(1, (length / shape[0]) ** -0.5) : 0.3;
      const data = name.endsWith("running_var")
        ? uniforms(length, ++seed, 0.5, 2)
        : normals(length, ++seed, spread).map((value) => value + Number(isFactor));
      return [name, { shape, data }] as const;
    }),
  );
}

const imagesFor = (config: ModelConfig, batch: number) => {
  const shape = [batch, ...inputSpec(config).sampleShape];
  return {
    shape,
    data: normals(
      shape.reduce((a, b) => a * b),
      99,
    ),
  };
};

async function logitsOf(config: ModelConfig, weights: ReturnType<typeof randomWeights>, batch: number) {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const { shape, data } = imagesFor(config, batch);
  const model = createModel(gpu, config, weights);
  const logits = await withoutHistory(() => model.forward(Tensor.from(gpu, data, shape)).logits).read();
  model.release();
  return logits;
}

function onnxLogits(bytes: Uint8Array, config: ModelConfig, batch: number) {
  const { shape, data } = imagesFor(config, batch);
  return runOnnx(readOnnx(bytes), { shape, data: Float64Array.from(data) });
}

const close = (logits: ArrayLike<number>) => ({
  atol: 1e-5 * Math.max(...Array.from(logits, Math.abs)),
  rtol: 1e-5,
});

describe.each(models)("the file of %s", (_, config) => {
  const weights = randomWeights(config);
  const isExported = (name: string) => !name.startsWith("exits.");
  const bytes = encodeOnnx(config, weights, { name: "tiny" });
  const file = readOnnx(bytes);

  test("gives the model's logits for any batch size", async () => {
    for (const batch of [1, 3]) {
      const want = await logitsOf(config, weights, batch);
      const got = onnxLogits(bytes, config, batch);
      expect(got.shape).toEqual([batch, config.numClasses]);
      expect(mismatch(got.data, want, close(want))).toBeUndefined();
    }
  });

  test("holds every parameter under its name, in its shape", () => {
    for (const [name, { shape, data }] of [...weights].filter(([name]) => isExported(name))) {
      const got = file.initializers.get(name)!;
      expect(got, name).toMatchObject({ shape, type: "f32" });
      expect(mismatch(got.data, data, EXACT), name).toBeUndefined();
    }
    for (const [name, { type, data }] of file.initializers) {
      expect((weights.has(name) && isExported(name)) || type === "i64" || data.length === 1, name).toBe(true);
    }
  });

  test("names what each node reads before the node, and each name once", () => {
    const known = new Set(["images", ...file.initializers.keys()]);
    for (const { name, inputs, outputs } of file.nodes) {
      for (const input of inputs) expect(known.has(input), `${input} of ${name}`).toBe(true);
      for (const output of outputs) expect(known.has(output), output).toBe(false);
      for (const output of outputs) known.add(output);
    }
    expect(known.has("logits")).toBe(true);
    // TopK gives values and indices, whichever is wanted.
    const read = new Set(["logits", ...file.nodes.flatMap(({ inputs }) => inputs)]);
    expect([...known].filter((name) => !read.has(name) && !/\.(values|indices)$/.test(name))).toEqual([]);
    expect(new Set(file.nodes.map(({ name }) => name)).size).toBe(file.nodes.length);
  });

  test("says what goes in and out", () => {
    const { preprocess, sampleShape } = inputSpec(config);
    expect(file).toMatchObject({ irVersion: 8, producer: "secateur", name: "tiny" });
    expect([...file.opsets]).toEqual([["", 17]]);
    expect(file.inputs).toEqual([{ name: "images", elementType: 1, shape: ["batch", ...sampleShape] }]);
    expect(file.outputs).toEqual([{ name: "logits", elementType: 1, shape: ["batch", config.numClasses] }]);
    expect(JSON.parse(file.metadata.get("mean")!)).toEqual(preprocess.mean);
    expect(JSON.parse(file.metadata.get("std")!)).toEqual(preprocess.std);
    expect(file.metadata.get("num_classes")).toBe(String(config.numClasses));
  });
});

test("weights that masks remove are zeros in the file, and its logits are the masked model's", async () => {
  const config = vit();
  const weights = randomWeights(config);
  const masks = new Map(
    [...weights]
      .filter(([name]) => /blocks.*(weight|bias)$/.test(name))
      .map(([name, { shape, data }], i) => [
        name,
        { shape, data: Uint8Array.from(uniforms(data.length, i, 0, 1), (draw) => Number(draw > 0.4)) },
      ]),
  );
  const masked = maskWeights(weights, masks);
  const bytes = encodeOnnx(config, masked);
  const want = await logitsOf(config, masked, 2);
  expect(mismatch(onnxLogits(bytes, config, 2).data, want, close(want))).toBeUndefined();
});

test("a cut network's file gives the masked network's logits", async () => {
  const gpu = await sharedGpu();
  const config = vit({ embed_dim: 24, num_heads: 3 });
  const model = createModel(gpu, config, randomWeights(config));
  maskUnits(model, ["head", "headDim", "neuron", "attn.in", "mlp.in", "embed"], 3, 0.7);
  const { shape, data } = imagesFor(config, 2);
  const want = await withoutHistory(() => model.forward(Tensor.from(gpu, data, shape)).logits).read();
  const cut = await compact(model);
  model.release();
  expect(
    mismatch(onnxLogits(encodeOnnx(cut.config, cut.weights), cut.config, 2).data, want, close(want)),
  ).toBeUndefined();
});

test("refuses weights that do not fit the config", () => {
  const weights = randomWeights(vit());
  expect(() => encodeOnnx(vit({ embed_dim: 18 }), weights)).toThrow(FormatError);
  expect(() => encodeOnnx(vit({ depth: 1 }), weights)).toThrow(/expected no parameter "blocks.1.norm1.weight"/);
});

test("two files of one model are equal", () => {
  const weights = randomWeights(vit());
  expect(encodeOnnx(vit(), weights)).toEqual(encodeOnnx(vit(), weights));
});

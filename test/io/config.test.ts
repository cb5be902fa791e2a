import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import {
  expectedParameters,
  inputSpec,
  type JsonObject,
  type MlpConfig,
  parseJsonObject,
  parseModelConfig,
  type ViTConfig,
} from "../../src/io/index.js";
import { uniformBlocks } from "../../src/io/vit-shape.js";
import { sharedPath, sharedTest, tinyWords, utf8 } from "./helpers.js";

const parse = (json: JsonObject, preprocessor?: JsonObject) =>
  parseModelConfig(json, "config.json", preprocessor) as ViTConfig;

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const halves = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

const tiny: ViTConfig = {
  architecture: "vit",
  imageSize: 8,
  patchSize: 4,
  inChannels: 3,
  embedDim: 6,
  normWidth: 6,
  blocks: uniformBlocks(2, { embedDim: 6, numHeads: 2, hiddenDim: 24 }),
  numClasses: 3,
  qkvBias: true,
  normEps: 1e-6,
  classToken: true,
  distilled: false,
  pool: "cls",
  dropRate: 0,
  posDropRate: 0,
  projDropRate: 0,
  dropPathRate: 0,
  activation: "gelu",
  preprocess: { ...halves, cropPct: 0.9, cropMode: "center", interpolation: "bicubic" },
};

describe("timm's words", () => {
  test("defaults are timm's", () => expect(parse(tinyWords)).toEqual(tiny));

  test("every word is read", () => {
    const words = {
      architecture: "deit",
      img_size: [8, 8],
      in_chans: 1,
      mlp_ratio: 2.75,
      qkv_bias: false,
      norm_eps: 1e-5,
      distilled: true,
      pool: "token",
      drop_rate: 0.1,
      drop_path_rate: 0.2,
      activation: "relu",
      mean: [0.25],
      std: [0.75],
      crop_pct: 0.875,
      crop_mode: "squash",
      interpolation: "bilinear",
      source: "anything",
    };
    expect(parse({ ...tinyWords, ...words })).toEqual({
      ...tiny,
      inChannels: 1,
      blocks: uniformBlocks(2, { embedDim: 6, numHeads: 2, hiddenDim: 16 }),
      qkvBias: false,
      normEps: 1e-5,
      distilled: true,
      dropRate: 0.1,
      posDropRate: 0,
      projDropRate: 0,
      dropPathRate: 0.2,
      activation: "relu",
      preprocess: { mean: [0.25], std: [0.75], cropPct: 0.875, cropMode: "squash", interpolation: "bilinear" },
    });
  });

  test("mean and std default to ImageNet's for DeiT, MNIST's for one channel, 0.5 otherwise", () => {
    expect(parse({ ...tinyWords, architecture: "deit" }).preprocess).toMatchObject(imagenet);
    expect(parse({ ...tinyWords, distilled: true }).preprocess).toMatchObject(imagenet);
    expect(parse({ ...tinyWords, in_chans: 1 }).preprocess).toMatchObject({ mean: [0.1307], std: [0.3081] });
    expect(parse({ ...tinyWords, in_chans: 2 }).preprocess).toMatchObject({ mean: [0.5, 0.5], std: [0.5, 0.5] });
  });

  test.each<[JsonObject, RegExp]>([
    [
      { embed_dim: undefined },
      /expected "embed_dim" to be an integer at least 1 and at most 1048576, got nothing; correct it/,
    ],
    [{ embed_dim: 7 }, /"embed_dim" to be a multiple of "num_heads" \(2\), got 7/],
    [{ embed_dim: "6" }, /"embed_dim" to be an integer.*got "6"/],
    [{ embed_dim: 2 ** 40 }, /"embed_dim"/],
    [{ img_size: 9 }, /"img_size" to be a multiple of "patch_size" \(4\), got 9/],
    [{ img_size: [8, 16] }, /two equal ones, got \[8,16\]; only square/],
    [{ depth: 0 }, /"depth"/],
    [{ depth: 1.5 }, /"depth"/],
    [{ depth: 1e9 }, /"depth"/],
    [{ mlp_ratio: -1 }, /"mlp_ratio"/],
    [{ norm_eps: 0 }, /"norm_eps"/],
    [{ qkv_bias: 1 }, /"qkv_bias" to be true or false, got 1/],
    [{ std: [0, 1, 1] }, /"std" to be a list of 3, each a number above 0/],
    [{ mean: [0.5] }, /"mean" to be a list of 3/],
    [{ crop_pct: 1.5 }, /"crop_pct"/],
    [{ drop_rate: 1 }, /"drop_rate"/],
    [
      { activation: "gelu_tanh" },
      /"activation" to be "gelu" or "gelu_erf" or "relu", got "gelu_tanh"; nothing else is supported/,
    ],
    [{ pool: "map" }, /"pool" to be "cls" or "token" or "avg", got "map"/],
    [{ global_pool: "map" }, /"global_pool".*got "map"/],
    [{ init_values: 1e-5 }, /"init_values" to be absent, got 0.00001; this option is not supported/],
    [{ reg_tokens: 4 }, /"reg_tokens" to be 0, got 4/],
    [{ qk_norm: true }, /"qk_norm"/],
    [{ class_token: false }, /"class_token" to be true for a model that pools by "cls"/],
    [{ pool: "avg", distilled: true }, /"pool" to be "cls" for a distilled/],
    [{ interpolation: "lanczos" }, /"interpolation"/],
    [{ architecture: "swin" }, /timm name such as "deit_tiny_patch16_224", got "swin"/],
    [{ architecture: 5 }, /"architecture" to be a string/],
  ])("%j is refused", (wrong, message) => {
    expect(() => parse({ ...tinyWords, ...wrong })).toThrow(FormatError);
    expect(() => parse({ ...tinyWords, ...wrong })).toThrow(message);
  });
});

describe("timm's own config.json", () => {
  test.each([
    ["vit_tiny_patch16_224", 192, 3, 16, 224, false, halves, 0.9],
    ["vit_base_patch32_384.augreg_in21k_ft_in1k", 768, 12, 32, 384, false, halves, 1],
    ["deit_small_patch16_224.fb_in1k", 384, 6, 16, 224, false, imagenet, 0.9],
    ["deit_base_distilled_patch16_384", 768, 12, 16, 384, true, imagenet, 1],
  ])("%s", (architecture, embedDim, numHeads, patchSize, imageSize, distilled, norm, cropPct) => {
    expect(parse({ architecture })).toMatchObject({
      ...{ embedDim, patchSize, imageSize, distilled, numClasses: 1000 },
      blocks: uniformBlocks(12, { embedDim, numHeads, hiddenDim: 4 * embedDim }),
      preprocess: { ...norm, cropPct },
    });
  });

  test("pretrained_cfg, the top level and model_args override, in this order", () => {
    const config = parse({
      architecture: "vit_small_patch16_224",
      num_classes: 7,
      num_features: 384,
      global_pool: "avg",
      pretrained_cfg: {
        num_classes: 5,
        input_size: [3, 64, 64],
        ...imagenet,
        crop_pct: 0.95,
        interpolation: "bilinear",
      },
      model_args: { depth: 3, class_token: false },
    });
    expect(config).toMatchObject({
      embedDim: 384,
      blocks: uniformBlocks(3, { embedDim: 384, numHeads: 6, hiddenDim: 1536 }),
      imageSize: 64,
      numClasses: 7,
      pool: "avg",
      classToken: false,
    });
    expect(config.preprocess).toEqual({ ...imagenet, cropPct: 0.95, cropMode: "center", interpolation: "bilinear" });
  });

  test.each([
    "deit3_base_patch16_224",
    "vit_base_patch16_clip_224.openai",
    "vit_small_patch14_dinov2",
    "beit_base_patch16_224",
  ])("%s, which is no plain ViT, is refused", (architecture) =>
    expect(() => parse({ architecture })).toThrow(/only plain ViT and DeiT/),
  );
});

describe("Hugging Face's configs", () => {
  const vit = {
    model_type: "vit",
    architectures: ["ViTForImageClassification"],
    hidden_size: 6,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 15,
    image_size: 8,
    patch_size: 4,
    hidden_act: "gelu",
    layer_norm_eps: 1e-12,
    id2label: { 0: "cat", 1: "dog", 2: "eel" },
  };

  test("ViTConfig with the defaults of its image processor", () => {
    expect(parse(vit)).toEqual({
      ...tiny,
      blocks: uniformBlocks(2, { embedDim: 6, numHeads: 2, hiddenDim: 15 }),
      normEps: 1e-12,
      preprocess: { ...halves, cropPct: 1, cropMode: "squash", interpolation: "bilinear" },
    });
    expect(parse({ model_type: "vit" })).toMatchObject({
      embedDim: 768,
      blocks: uniformBlocks(12, { embedDim: 768, numHeads: 12, hiddenDim: 3072 }),
      numClasses: 2,
    });
  });

  test("DeiTConfig with both heads", () => {
    const deit = { ...vit, model_type: "deit", architectures: ["DeiTForImageClassificationWithTeacher"] };
    expect(parse({ ...deit, image_size: 224, patch_size: 16 })).toMatchObject({
      distilled: true,
      preprocess: { ...imagenet, cropPct: 0.875, cropMode: "squash", interpolation: "bicubic" },
    });
    expect(() => parse({ ...deit, architectures: ["DeiTForImageClassification"] })).toThrow(
      /one head is not supported/,
    );
  });

  test("preprocessor_config.json", () => {
    const size = { shortest_edge: 9 };
    const preprocessor = { size, do_center_crop: true, resample: 3, image_mean: [0, 0, 0], image_std: [1, 1, 1] };
    const { preprocess } = parse(vit, preprocessor);
    expect(preprocess).toMatchObject({ mean: [0, 0, 0], std: [1, 1, 1], cropMode: "center", interpolation: "bicubic" });
    for (let side = 224; side < 400; side++) {
      const { cropPct } = parse(
        { ...vit, image_size: 224 },
        { ...preprocessor, size: { shortest_edge: side } },
      ).preprocess;
      expect(Math.floor(224 / cropPct)).toBe(side);
    }
    expect(() => parse(vit, { resample: 0 })).toThrow(/"interpolation".*got 0/);
  });

  test("messages use the file's own keys", () => {
    expect(() => parse({ ...vit, hidden_size: 7 })).toThrow(/"hidden_size" to be a multiple of "num_attention_heads"/);
    expect(() => parse({ ...vit, hidden_act: "quick_gelu" })).toThrow(/"hidden_act".*got "quick_gelu"/);
    expect(() => parse({ ...vit, model_type: "swin" })).toThrow(/"model_type" to be "vit" or "deit", got "swin"/);
  });
});

describe("an MLP", () => {
  const words = { architecture: "mlp", inputs: 48, hidden: [96, 64], num_classes: 10 };

  test("has inputs, widths and classes", () => {
    const mlp = parseModelConfig(words, "x");
    expect(mlp).toMatchObject({ architecture: "mlp", inputs: 48, hidden: [96, 64], numClasses: 10, bias: true });
    expect(inputSpec(mlp).sampleShape).toEqual([48]);
    expect(parse({ ...words, bias: false })).toMatchObject({ bias: false });
  });

  test("may be LeNet-300-100", () => {
    const lenet = parseModelConfig({ architecture: "lenet_300_100" }, "x") as MlpConfig;
    expect(lenet).toMatchObject({ architecture: "mlp", inputs: 784, hidden: [300, 100], numClasses: 10 });
    expect(lenet.preprocess).toMatchObject({ mean: [0.1307], std: [0.3081] });
    const sizes = Array.from(expectedParameters(lenet).values(), (shape) => shape.reduce((a, b) => a * b));
    expect(sizes.reduce((a, b) => a + b)).toBe(266_610);
    expect(parse({ architecture: "lenet_300_100", num_classes: 47 })).toMatchObject({ numClasses: 47 });
  });

  test.each<[JsonObject, RegExp]>([
    [{ hidden: [0] }, /"hidden" to be a list of at most 1024 positive integers, got/],
    [{ hidden: [1.5] }, /"hidden"/],
    [{ hidden: "96" }, /"hidden"/],
    [{ hidden: new Array(1025).fill(1) }, /"hidden"/],
    [{ hidden: [2 ** 20, 2 ** 20] }, /"hidden" to be part of a model of at most 1073741824 parameters/],
    [{ in_chans: 5 }, /"inputs" to be a multiple of "in_chans" \(5\)/],
    [{ bias: "no" }, /"bias" to be true or false/],
  ])("%j is refused", (wrong, message) => {
    expect(() => parse({ ...words, ...wrong })).toThrow(FormatError);
    expect(() => parse({ ...words, ...wrong })).toThrow(message);
  });
});

describe("a convolutional network", () => {
  test.each([
    ["resnet20", [3, 32, 32], 10],
    ["vgg16_bn", [3, 32, 32], 10],
    ["resnet18", [3, 224, 224], 1000],
    ["resnet50", [3, 224, 224], 1000],
  ])("%s has its published sizes", (architecture, sampleShape, numClasses) => {
    expect(inputSpec(parse({ architecture }))).toMatchObject({ sampleShape, numClasses });
    const small = parse({ architecture, img_size: [16, 16], in_chans: 1, num_classes: 7 });
    expect(inputSpec(small)).toMatchObject({ sampleShape: [1, 16, 16], numClasses: 7 });
  });

  test("is read from timm's own config.json", () => {
    const timm = {
      architecture: "resnet50",
      num_classes: 12,
      num_features: 2048,
      global_pool: "avg",
      model_args: { in_chans: 1 },
      pretrained_cfg: {
        tag: "a1_in1k",
        input_size: [3, 160, 160],
        crop_pct: 0.95,
        interpolation: "bilinear",
        mean: [0.5],
        std: [0.25],
        num_classes: 1000,
        pool_size: [7, 7],
        classifier: "fc",
      },
    };
    expect(parse(timm)).toEqual({
      architecture: "resnet50",
      imageSize: 160,
      inChannels: 1,
      numClasses: 12,
      preprocess: { mean: [0.5], std: [0.25], cropPct: 0.95, cropMode: "center", interpolation: "bilinear" },
    });
  });

  test.each([
    [{ architecture: "vgg16_bn", img_size: 15 }, /"img_size" to be large enough for the network's strides, got 15/],
    [{ architecture: "resnet20", img_size: 0 }, /"img_size" to be an integer at least 1/],
    [{ architecture: "resnet20", img_size: [8, 9] }, /"img_size" to be one positive integer or two equal ones/],
    [{ architecture: "resnet18", in_chans: 0 }, /"in_chans" to be an integer at least 1/],
    [{ architecture: "resnet50", num_classes: "ten" }, /"num_classes" to be an integer at least 1/],
    [{ architecture: "resnet50", num_classes: 2 ** 20 }, /"num_classes" to be part of a model of at most 1073741824/],
    [{ architecture: "resnet50", cardinality: 32 }, /"cardinality" to be 1, got 32; this option is not supported/],
    [{ architecture: "resnet18", act_layer: "silu" }, /"act_layer" to be "relu", got "silu"/],
    [{ architecture: "resnet34" }, /"resnet18", "resnet50" or a timm name .*, got "resnet34"/],
  ])("%j is refused", (wrong, message) => {
    expect(() => parse(wrong)).toThrow(FormatError);
    expect(() => parse(wrong)).toThrow(message);
  });
});

test("JSON with a key twice, or that is no object, is refused", () => {
  expect(() => parseJsonObject(utf8('{"depth": 1, "a": {"depth": 3}, "depth": 2}'), "x")).toThrow(/got "depth" twice/);
  expect(parseJsonObject(utf8('{"a": "b\\\\", "b\\"": ["a", ":"], "c": {"a": 1}}'), "x")).toEqual({
    a: "b\\",
    'b"': ["a", ":"],
    c: { a: 1 },
  });
  for (const text of ["[]", "null", "3", '"a"', "", "{"])
    expect(() => parseJsonObject(utf8(text), "x")).toThrow(FormatError);
});

test("JSON that nests without end is refused", () => {
  const nested = (levels: number) => utf8(`{"activation":${"[".repeat(levels)}${"]".repeat(levels)}}`);
  expect(() => parseJsonObject(nested(200_000), "config.json")).toThrow(/^config.json: expected at most 64 levels/);
  expect(() => parse(parseJsonObject(nested(60), "config.json"))).toThrow(FormatError);
});

test("a model larger than any device is refused", () => {
  const large = { ...tinyWords, embed_dim: 2 ** 20 };
  expect(() => parse(large)).toThrow(/"embed_dim" to be part of a model of at most 1073741824 parameters, got 1048576/);
  expect(() => parse({ ...tinyWords, img_size: 2 ** 20, patch_size: 1 })).toThrow(FormatError);
  expect(() => parse({ ...tinyWords, mlp_ratio: 1e6, embed_dim: 6000 })).toThrow(FormatError);
  const huge = { embed_dim: 1408, depth: 40, num_heads: 16, mlp_ratio: 48 / 11, patch_size: 14, img_size: 224 };
  expect(() => parse({ ...tinyWords, ...huge, num_classes: 1000 })).not.toThrow();
});

sharedTest("the configs of the goldens", () => {
  const read = (name: string) => {
    const path = sharedPath(`${name}/config.json`);
    return parse(parseJsonObject(readFileSync(path), path));
  };
  expect(read("goldens/vit-odd")).toMatchObject({
    inChannels: 1,
    embedDim: 48,
    blocks: expect.arrayContaining([expect.objectContaining({ mlp: { hidden: 120 } })]),
    numClasses: 7,
  });
  expect(read("goldens/vit-long")).toMatchObject({
    imageSize: 56,
    patchSize: 4,
    embedDim: 36,
    blocks: expect.arrayContaining([{ attention: { heads: 2, headDim: 18, scale: 18 ** -0.5 }, mlp: { hidden: 144 } }]),
  });
  expect(read("data/deit-tiny")).toMatchObject({ embedDim: 192, preprocess: { ...imagenet, cropPct: 1 } });
});

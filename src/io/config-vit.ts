import type { Preprocess, ViTConfig } from "./config.js";
import { type PrunedShape, readPruned } from "./config-pruned.js";
import type { ConfigReader } from "./config-reader.js";
import { MAX_PARAMETERS, parameterCount } from "./parameters.js";
import { uniformBlocks } from "./vit-shape.js";

/** Options of timm's VisionTransformer that change its arithmetic, with the values that leave it as it is here. */
const neutralOptions = {
  attn_drop_rate: [0],
  dynamic_img_size: [false],
  fc_norm: [],
  final_norm: [true],
  init_values: [],
  mlp_layer: [],
  no_embed_class: [false],
  norm_layer: ["layernorm", "layer_norm"],
  patch_drop_rate: [0],
  pos_embed: ["learn"],
  pre_norm: [false],
  proj_bias: [true],
  qk_norm: [false],
  reg_tokens: [0],
} as const;

/** Reads and checks a ViT in timm's words, whatever spelling the reader translates. */
export function readViT(reader: ConfigReader): ViTConfig {
  reader.refuseOptions(neutralOptions);
  const patchSize = reader.squareSize("patch_size");
  const imageSize = reader.squareSize("img_size");
  if (imageSize % patchSize) reader.fail("img_size", `a multiple of "${reader.key("patch_size")}" (${patchSize})`);
  const embedDim = reader.count("embed_dim");
  const inChannels = reader.count("in_chans", 3);
  const distilled = reader.boolean("distilled", false);
  const classToken = reader.boolean("class_token", true);
  const pool = reader.choice("pool", { cls: "cls", token: "cls", avg: "avg" } as const, "cls");
  if (!classToken && (pool === "cls" || distilled)) {
    reader.fail("class_token", `true for a ${distilled ? "distilled model" : 'model that pools by "cls"'}`);
  }
  if (distilled && pool !== "cls") reader.fail("pool", '"cls" for a distilled model');
  const isDeiT = distilled || String(reader.raw("architecture") ?? "").startsWith("deit");
  const shape = readShape(reader, embedDim, classToken ? (imageSize / patchSize) ** 2 : 0);
  const config: ViTConfig = {
    architecture: "vit",
    imageSize,
    patchSize,
    inChannels,
    embedDim,
    ...shape,
    ...readExits(reader, shape.blocks.length, distilled),
    numClasses: reader.count("num_classes"),
    qkvBias: reader.boolean("qkv_bias", true),
    normEps: reader.number("norm_eps", { above: 0, max: 1 }, 1e-6),
    classToken,
    distilled,
    pool,
    dropRate: reader.number("drop_rate", { min: 0, max: 0.999 }, 0),
    posDropRate: reader.number("pos_drop_rate", { min: 0, max: 0.999 }, 0),
    projDropRate: reader.number("proj_drop_rate", { min: 0, max: 0.999 }, 0),
    dropPathRate: reader.number("drop_path_rate", { min: 0, max: 0.999 }, 0),
    activation: reader.choice("activation", { gelu: "gelu", gelu_erf: "gelu", relu: "relu" } as const, "gelu"),
    preprocess: readPreprocess(reader, inChannels, isDeiT ? "imagenet" : 0.5, imageSize >= 384 ? 1 : 0.9),
  };
  const parameters = parameterCount(config);
  if (parameters > MAX_PARAMETERS) {
    reader.fail("embed_dim", `part of a model of at most ${MAX_PARAMETERS} parameters`, `this one has ${parameters}`);
  }
  return config;
}

/** Whether a list is of depths in front of the last block, ascending. */
export const areExits = (list: readonly unknown[], depth: number): boolean =>
  list.length > 0 &&
  list.every((exit, index) => {
    const previous = index > 0 ? Number(list[index - 1]) : 0;
    return Number.isInteger(exit) && Number(exit) > previous && Number(exit) < depth;
  });

function readExits(reader: ConfigReader, depth: number, distilled: boolean): Pick<ViTConfig, "exits"> {
  const exits = reader.raw("exits");
  if (exits === undefined) return {};
  if (distilled) reader.fail("exits", "absent in a distilled model, which has two classifiers at its end");
  if (!Array.isArray(exits) || !areExits(exits, depth)) {
    return reader.fail("exits", `ascending depths from 1 to below "${reader.key("depth")}" (${depth})`);
  }
  return { exits: exits as number[] };
}

/** Equal blocks, or what a cut left of them. */
export function readShape(reader: ConfigReader, embedDim: number, patches: number): PrunedShape {
  const depth = reader.count("depth", undefined, 1024);
  if (reader.raw("pruned") !== undefined) return readPruned(reader, depth, embedDim, patches);
  const numHeads = reader.count("num_heads");
  if (embedDim % numHeads) reader.fail("embed_dim", `a multiple of "${reader.key("num_heads")}" (${numHeads})`);
  const hiddenDim = readHiddenDim(reader, embedDim);
  return { normWidth: embedDim, blocks: uniformBlocks(depth, { embedDim, numHeads, hiddenDim }) };
}

/** timm gives a ratio, Hugging Face (`mlp_hidden_dim` through its spelling) the size itself. */
function readHiddenDim(reader: ConfigReader, embedDim: number): number {
  if (reader.raw("mlp_hidden_dim") !== undefined) return reader.count("mlp_hidden_dim");
  const hiddenDim = Math.floor(embedDim * reader.number("mlp_ratio", { above: 0, max: 1e6 }, 4));
  if (hiddenDim < 1) reader.fail("mlp_ratio", `at least 1 / "${reader.key("embed_dim")}"`);
  return hiddenDim;
}

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const mnist = { mean: [0.1307], std: [0.3081] };

/**
 * @param norm - which mean and std are the default for colour images; those of one channel default to MNIST's
 * @param cropPct - default for `crop_pct`
 */
export function readPreprocess(
  reader: ConfigReader,
  channels: number,
  norm: "imagenet" | 0.5,
  cropPct: number,
): Preprocess {
  const halves = new Array<number>(channels).fill(0.5);
  const named = channels === 1 ? mnist : norm === "imagenet" && channels === 3 ? imagenet : undefined;
  const { mean, std } = named ?? { mean: halves, std: halves };
  return {
    mean: reader.numbers("mean", channels, {}, mean),
    std: reader.numbers("std", channels, { above: 0 }, std),
    cropPct: reader.number("crop_pct", { above: 0, max: 1 }, cropPct),
    cropMode: reader.choice("crop_mode", { center: "center", squash: "squash" } as const, "center"),
    interpolation: reader.choice("interpolation", { bicubic: "bicubic", bilinear: "bilinear" } as const, "bicubic"),
  };
}

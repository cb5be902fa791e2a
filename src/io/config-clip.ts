/** Models of images and texts with a tower for each, as CLIP: their config, and the names and shapes of their parameters. */
import { FormatError } from "../errors.js";
import { type EncoderConfig, parseModelConfig, type ViTConfig } from "./config.js";
import { mlpRatio, timmShape, viTConfigToJson } from "./config-json.js";
import { encodePruned } from "./config-pruned.js";
import { ConfigReader } from "./config-reader.js";
import { readShape } from "./config-vit.js";
import { isObject, type JsonObject } from "./json.js";
import { addBlock, addLayerNorm, addLinear, expectedParameters, type Shapes } from "./parameters.js";
import type { AttentionShape, BlockShape } from "./vit-shape.js";

/** Attention to the tokens of an image. */
export type CrossAttentionShape = Pick<AttentionShape, "heads" | "headDim" | "scale">;

/** A transformer over the tokens of a text, each of which sees those before it. */
export interface TextConfig extends EncoderConfig {
  /** Numbers of tokens lie below. */
  readonly vocabulary: number;
  /** Longest text in tokens, the end token included. */
  readonly context: number;
  /** For each block the attention to an image between its self-attention and its MLP, as in BLIP's text encoder; absent: there is none. */
  readonly crossAttention?: readonly CrossAttentionShape[];
}

/** Two towers that meet in a space of `projectionDim` dimensions. */
export interface ClipConfig {
  readonly architecture: "clip";
  readonly projectionDim: number;
  /** A ViT whose classifier is the projection: `numClasses` is `projectionDim`. */
  readonly vision: ViTConfig;
  readonly text: TextConfig;
}

/**
 * Reads the config of a two-tower model: `projection_dim`, `vision` in the words of a ViT without `num_classes`, and `text` with `vocab_size`, `context`,
 * `cross_attention` (default false) and a ViT's `embed_dim`, `depth`, `num_heads`, `mlp_ratio`, `norm_eps` and `activation`. Towers that were cut have
 * "pruned" as ViTs have, the text tower's with a list "cross" for its attention to images.
 * @throws FormatError for a value that is missing or out of range.
 */
export function parseClipConfig(json: JsonObject, source: string): ClipConfig {
  const reader = new ConfigReader(json, source);
  if (json.architecture !== "clip") reader.fail("architecture", '"clip"');
  const projectionDim = reader.count("projection_dim");
  const { vision, text } = json;
  if (!isObject(vision)) return reader.fail("vision", "an object with a ViT's config");
  if (!isObject(text)) return reader.fail("text", "an object");
  const tower = parseModelConfig({ ...vision, num_classes: projectionDim }, `${source}: vision`);
  if (tower.architecture !== "vit" || tower.distilled)
    return reader.fail("vision", "the config of a ViT with one head");
  return { architecture: "clip", projectionDim, vision: tower, text: readText(text, `${source}: text`) };
}

function readText(json: JsonObject, source: string): TextConfig {
  const reader = new ConfigReader(json, source);
  const embedDim = reader.count("embed_dim");
  const shape = readShape(reader, embedDim, 0); // no class token ranks the tokens of a text
  const readsImages = reader.boolean("cross_attention", false);
  return {
    vocabulary: reader.count("vocab_size"),
    context: reader.count("context"),
    embedDim,
    ...shape,
    qkvBias: true,
    normEps: reader.number("norm_eps", { above: 0, max: 1 }, 1e-6),
    projDropRate: 0,
    dropPathRate: 0,
    activation: reader.choice("activation", { gelu: "gelu", relu: "relu" } as const, "gelu"),
    ...(readsImages && { crossAttention: readCross(json.pruned, shape.blocks, source) }),
  };
}

/** As large as a block's own attention, unless the tower was cut. */
function readCross(pruned: unknown, blocks: readonly BlockShape[], source: string): CrossAttentionShape[] {
  if (pruned === undefined) return blocks.map(({ attention }) => attention!);
  const cross = isObject(pruned) ? pruned.cross : undefined;
  if (!Array.isArray(cross) || cross.length !== blocks.length || !cross.every(isObject)) {
    throw new FormatError(
      `${source}: pruned: expected "cross" to be a list of ${blocks.length} objects, one a block, got another; correct it`,
    );
  }
  return cross.map((shape, index) => {
    const reader = new ConfigReader(shape, `${source}: pruned.cross[${index}]`);
    const headDim = reader.count("head_dim");
    const scale = reader.number("scale", { above: 0, max: 1e6 }, headDim ** -0.5);
    return { heads: reader.count("heads"), headDim, scale };
  });
}

/** What `config.json` holds of a two-tower model: the inverse of {@link parseClipConfig}. */
export function clipConfigToJson({ projectionDim, vision, text }: ClipConfig): JsonObject {
  const { num_classes: _, ...tower } = viTConfigToJson(vision);
  const { vocabulary, context, embedDim, normWidth, blocks, normEps, activation, crossAttention } = text;
  const shape = timmShape(text);
  const isWhole = ({ heads, headDim }: CrossAttentionShape) =>
    heads === shape?.numHeads && heads * headDim === embedDim;
  const whole = crossAttention?.every(isWhole) === false ? undefined : shape;
  const cross = crossAttention?.map(({ heads, headDim, scale }) => ({ heads, head_dim: headDim, scale }));
  const cut = { ...encodePruned({ normWidth, blocks }), ...(cross && { cross }) };
  return {
    architecture: "clip",
    projection_dim: projectionDim,
    vision: tower,
    text: {
      vocab_size: vocabulary,
      context,
      embed_dim: embedDim,
      depth: blocks.length,
      ...(whole ? { num_heads: whole.numHeads, mlp_ratio: mlpRatio(whole.hiddenDim, embedDim) } : { pruned: cut }),
      norm_eps: normEps,
      activation,
      cross_attention: crossAttention !== undefined,
    },
  };
}

/** Puts names below a prefix. */
const below = (prefix: string, shapes: Shapes): [string, readonly number[]][] =>
  Array.from(shapes, ([name, shape]) => [prefix + name, shape]);

function textParameters({ text, vision, projectionDim }: ClipConfig): Shapes {
  const { embedDim, vocabulary, context, blocks, crossAttention } = text;
  const shapes: Shapes = new Map();
  shapes.set("token_embed.weight", [vocabulary, embedDim]).set("pos_embed", [1, context, embedDim]);
  for (const index of blocks.keys()) {
    addBlock(shapes, text, index);
    const cross = crossAttention?.[index];
    if (!cross) continue;
    const width = cross.heads * cross.headDim;
    const block = `blocks.${index}`;
    addLayerNorm(shapes, `${block}.cross_norm`, embedDim);
    addLinear(shapes, `${block}.cross_attn.q`, width, embedDim);
    addLinear(shapes, `${block}.cross_attn.kv`, 2 * width, vision.embedDim);
    addLinear(shapes, `${block}.cross_attn.proj`, embedDim, width);
  }
  addLayerNorm(shapes, "norm", embedDim);
  addLinear(shapes, "head", projectionDim, embedDim, false);
  if (crossAttention) addLinear(shapes, "match", 2, embedDim);
  return shapes;
}

/**
 * Names and shapes of the parameters in the order of the forward pass: those of a ViT below `visual.`, those of the text tower below `text.`, and
 * `logit_scale` [1], the logarithm of the factor on cosines.
 */
export const clipParameters = (config: ClipConfig): Map<string, readonly number[]> =>
  new Map([
    ...below("visual.", expectedParameters(config.vision)),
    ...below("text.", textParameters(config)),
    ["logit_scale", [1]],
  ]);

/** Configs as they are written: the inverse of reading them, in timm's words. */
import type { ModelConfig, ViTConfig } from "./config.js";
import { encodePruned } from "./config-pruned.js";
import type { JsonObject } from "./json.js";
import type { BlockShape } from "./vit-shape.js";

/** Heads and neurons of blocks that are equal and whole, as timm's VisionTransformer has them; undefined for others. */
export function timmShape({
  embedDim,
  normWidth,
  blocks,
}: Pick<ViTConfig, "embedDim" | "normWidth" | "blocks">): { numHeads: number; hiddenDim: number } | undefined {
  const [first] = blocks;
  const isWhole = ({ attention, mlp, tokens }: BlockShape): boolean => {
    if (!attention || !mlp || tokens !== undefined) return false;
    const { heads, headDim, scale, inputs, qkv, outputs } = attention;
    const isCut = [inputs, qkv, outputs, mlp.inputs, mlp.outputs].some((indices) => indices !== undefined);
    return !isCut && heads * headDim === embedDim && scale === headDim ** -0.5;
  };
  const equal = blocks.every(
    (block) =>
      isWhole(block) && block.attention!.heads === first.attention!.heads && block.mlp!.hidden === first.mlp!.hidden,
  );
  if (!equal || normWidth !== embedDim || !first) return undefined;
  return { numHeads: first.attention!.heads, hiddenDim: first.mlp!.hidden };
}

/** The ratio that gives so many neurons again: floor(embedDim * ratio). */
export function mlpRatio(hiddenDim: number, embedDim: number): number {
  const ratio = hiddenDim / embedDim;
  return Math.floor(embedDim * ratio) === hiddenDim ? ratio : (hiddenDim + 0.5) / embedDim;
}

/** What `config.json` holds of a ViT. Blocks that timm cannot express are under "pruned". */
export function viTConfigToJson(config: ViTConfig): JsonObject {
  const shape = timmShape(config);
  const { preprocess, blocks, embedDim, normWidth } = config;
  return {
    architecture: "vit",
    img_size: config.imageSize,
    patch_size: config.patchSize,
    in_chans: config.inChannels,
    embed_dim: embedDim,
    depth: blocks.length,
    ...(shape && { num_heads: shape.numHeads, mlp_ratio: mlpRatio(shape.hiddenDim, embedDim) }),
    num_classes: config.numClasses,
    qkv_bias: config.qkvBias,
    norm_eps: config.normEps,
    class_token: config.classToken,
    distilled: config.distilled,
    pool: config.pool,
    drop_rate: config.dropRate,
    pos_drop_rate: config.posDropRate,
    proj_drop_rate: config.projDropRate,
    drop_path_rate: config.dropPathRate,
    activation: config.activation,
    mean: preprocess.mean,
    std: preprocess.std,
    crop_pct: preprocess.cropPct,
    crop_mode: preprocess.cropMode,
    interpolation: preprocess.interpolation,
    ...(config.exits && { exits: config.exits }),
    ...(!shape && { pruned: encodePruned({ normWidth, blocks }) }),
  };
}

/**
 * What `config.json` holds of a network that was made from another one.
 * @param rawConfig - of that other one, which says what does not change
 */
export function configToJson(config: ModelConfig, rawConfig: JsonObject): JsonObject {
  if (config.architecture === "vit") return viTConfigToJson(config);
  return config.architecture === "mlp" ? { ...rawConfig, hidden: config.hidden } : rawConfig;
}

import type { ViTConfig } from "./config.js";

/**
 * Names and shapes of a ViT's parameters, timm's, in the order of the forward pass. Linear weights are `[out, in]`.
 */
export function expectedParameters(config: ViTConfig): Map<string, readonly number[]> {
  const { embedDim: dim, hiddenDim, inChannels, patchSize, numClasses, classToken, distilled } = config;
  const shapes = new Map<string, readonly number[]>();
  const linear = (name: string, outputs: number, inputs: number, bias = true) => {
    shapes.set(`${name}.weight`, [outputs, inputs]);
    if (bias) shapes.set(`${name}.bias`, [outputs]);
  };
  const norm = (name: string) => shapes.set(`${name}.weight`, [dim]).set(`${name}.bias`, [dim]);

  if (classToken) shapes.set("cls_token", [1, 1, dim]);
  if (distilled) shapes.set("dist_token", [1, 1, dim]);
  const tokens = (config.imageSize / patchSize) ** 2 + Number(classToken) + Number(distilled);
  shapes.set("pos_embed", [1, tokens, dim]);
  shapes.set("patch_embed.proj.weight", [dim, inChannels, patchSize, patchSize]).set("patch_embed.proj.bias", [dim]);
  for (let block = 0; block < config.depth; block++) {
    norm(`blocks.${block}.norm1`);
    linear(`blocks.${block}.attn.qkv`, 3 * dim, dim, config.qkvBias);
    linear(`blocks.${block}.attn.proj`, dim, dim);
    norm(`blocks.${block}.norm2`);
    linear(`blocks.${block}.mlp.fc1`, hiddenDim, dim);
    linear(`blocks.${block}.mlp.fc2`, dim, hiddenDim);
  }
  norm(config.pool === "avg" ? "fc_norm" : "norm");
  linear("head", numClasses, dim);
  if (distilled) linear("head_dist", numClasses, dim);
  return shapes;
}

/**
 * Parameters of a ViT: up to how many a config may ask for. Far more than one buffer of any device holds, and few
 * enough that no array for them is refused.
 */
export const MAX_PARAMETERS = 2 ** 30;

/** The number of a ViT's parameters. */
export function parameterCount(config: ViTConfig): number {
  let count = 0;
  for (const shape of expectedParameters(config).values()) count += shape.reduce((size, extent) => size * extent, 1);
  return count;
}

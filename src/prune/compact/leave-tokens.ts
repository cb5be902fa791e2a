/** Fewer tokens from block to block: no weight changes, and from some blocks on there is less to compute. */
import { UsageError } from "../../errors.js";
import type { ModelConfig, ViTConfig } from "../../io/config.js";
import { patchCount } from "../../nn/vit-sites.js";

/**
 * A ViT whose given blocks keep a part of the patch tokens that reach them, rounded up: for each image those that the class token attends to most, mean
 * over heads. They go on in their order to the block's MLP and to the blocks behind: EViT (Liang et al. 2022) without its fused token.
 *
 * @param ratio - in (0, 1]
 * @param blocks - by index from 0, each with attention; default: behind each quarter of the depth, which is 3, 6 and 9 of twelve blocks, as there
 * @throws UsageError for a ratio out of range, another network than a ViT, one without class token, or a block that is not there or has no attention.
 */
export function leaveTokens(config: ModelConfig, ratio: number, blocks?: readonly number[]): ViTConfig {
  if (config.architecture !== "vit") {
    throw new UsageError(`tokens: expected a ViT, got ${config.architecture}; only ViTs have tokens`);
  }
  if (!(ratio > 0 && ratio <= 1)) {
    throw new UsageError(`tokens: expected a part to keep above 0 and at most 1, got ${ratio}; correct it`);
  }
  if (!config.classToken) {
    throw new UsageError("tokens: expected a model with a class token, whose attention ranks them, got one without");
  }
  const ranking = config.blocks.flatMap(({ attention }, index) => (attention ? [index] : []));
  const chosen = blocks ?? [1, 2, 3].map((quarter) => Math.floor((quarter * config.blocks.length) / 4));
  const unfit = chosen.find((index) => !ranking.includes(index));
  if (unfit !== undefined) {
    throw new UsageError(
      `tokens: expected blocks with attention among ${ranking.join(", ")}, got ${unfit}; choose others`,
    );
  }
  let tokens = patchCount(config);
  const shapes = config.blocks.map((shape, index) => {
    // 0.1 * 30 is a little more than 3.
    const reduced = chosen.includes(index) ? Math.ceil(ratio * tokens - 1e-9) : tokens;
    const kept = Math.min(reduced, shape.tokens ?? tokens);
    const { tokens: _, ...whole } = shape;
    const changed = kept < tokens ? { ...whole, tokens: kept } : whole;
    tokens = kept;
    return changed;
  });
  return { ...config, blocks: shapes };
}

/** The same network with all tokens in all blocks. */
export const withAllTokens = <C extends ModelConfig>(config: C): C =>
  config.architecture === "vit" ? { ...config, blocks: config.blocks.map(({ tokens: _, ...shape }) => shape) } : config;

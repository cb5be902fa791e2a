/** The forward pass of a ViT, as functions of a pass: a model of its own, or a tower beside another. */
import { ShapeError } from "../errors.js";
import type { ViTConfig } from "../io/config.js";
import {
  add,
  assembleTokens,
  concatRows,
  gate,
  historyEnabled,
  meanTokens,
  patchify,
  reshape,
  type Tensor,
  takeToken,
} from "../tensor/index.js";
import type { ModelOutput } from "./model.js";
import type { Pass } from "./pass.js";
import { inScope } from "./scoped.js";
import { type EncoderBlock, vitBlock } from "./vit-block.js";
import { prefixCount } from "./vit-sites.js";

/** Runs the blocks one after the other, and gives back what nobody needs again. x is the caller's. */
export function runBlocks(
  x: Tensor,
  blocks: readonly EncoderBlock[],
  run: (x: Tensor, block: EncoderBlock) => Tensor,
): Tensor {
  return blocks.reduce((input, block) => {
    const output = inScope(x.gpu, () => run(input, block));
    // A block without branches hands its input on.
    if (!historyEnabled() && output !== input && input !== x) x.gpu.release(input);
    return output;
  }, x);
}

/**
 * Tokens behind the last block, prefix tokens first. images: [batch, C, H, W]; result: [batch, tokens, width].
 * @param onDepth - sees the tokens behind each block, and the number of blocks up to there
 * @throws ShapeError
 */
export function vitTokens(
  images: Tensor,
  config: ViTConfig,
  blocks: readonly EncoderBlock[],
  pass: Pass,
  onDepth?: (tokens: Tensor, depth: number) => void,
): Tensor {
  const embedded = inScope(images.gpu, () => embed(images, config, pass));
  const tokens = runBlocks(embedded, blocks, (x, block) => {
    const output = vitBlock(x, block, pass);
    onDepth?.(output, block.index + 1);
    return output;
  });
  if (!historyEnabled() && tokens !== embedded) images.gpu.release(embedded);
  return tokens;
}

function embed(images: Tensor, config: ViTConfig, pass: Pass): Tensor {
  const { inChannels, imageSize, patchSize, embedDim, posDropRate } = config;
  const expected = [inChannels, imageSize, imageSize];
  if (images.shape.length !== 4 || expected.some((extent, axis) => images.shape[axis + 1] !== extent)) {
    throw new ShapeError(`vit: expected images [N, ${expected.join(", ")}], got [${images.shape}]`);
  }
  const patches = pass.linear(patchify(pass.input(images), patchSize), "patch_embed.proj");
  const position = pass.value("pos_embed");
  const tokens = assembleTokens(
    { patches, prefix: prefix(config, pass), position: reshape(position, [position.size / embedDim, embedDim]) },
    undefined,
  );
  return pass.dropout(tokens, posDropRate);
}

/** Class token and distillation token as rows. */
function prefix({ classToken, distilled, embedDim }: ViTConfig, pass: Pass): Tensor | undefined {
  const row = (name: string) => reshape(pass.value(name), [1, embedDim]);
  if (classToken && distilled) return concatRows(row("cls_token"), row("dist_token"));
  return classToken ? row("cls_token") : undefined;
}

/**
 * What the heads make of the tokens behind the last block: [batch, classes].
 * @param half - [1], one half
 */
export function vitOutput(x: Tensor, config: ViTConfig, pass: Pass, half: Tensor): ModelOutput {
  const { pool, distilled } = config;
  const head = (pooled: (tokens: Tensor) => Tensor, norm: string, name: string) =>
    inScope(x.gpu, () => applyHead(pooled(x), norm, name, config, pass));
  if (pool === "avg") return { logits: head((tokens) => meanTokens(tokens, prefixCount(config)), "fc_norm", "head") };
  // The norm works row by row, so only the rows that a head reads are normed.
  const logits = head((tokens) => takeToken(tokens, 0), "norm", "head");
  if (!distilled) return { logits };
  const distillation = head((tokens) => takeToken(tokens, 1), "norm", "head_dist");
  if (pass.training) return { logits, distillation };
  return { logits: inScope(x.gpu, () => gate(add(logits, distillation), half, 1)) };
}

/** What the classifier of an exit makes of the tokens behind `depth` blocks: [batch, classes]. */
export function exitLogits(x: Tensor, depth: number, config: ViTConfig, pass: Pass): Tensor {
  const pooled = config.pool === "avg" ? meanTokens(x, prefixCount(config)) : takeToken(x, 0);
  return applyHead(pooled, `exits.${depth}.norm`, `exits.${depth}.head`, config, pass);
}

/** Norm, dropout and classifier of pooled tokens: [batch, width] -> [batch, classes]. */
function applyHead(pooled: Tensor, norm: string, name: string, config: ViTConfig, pass: Pass): Tensor {
  const normed = pass.gate(pass.layerNorm(pooled, norm, config), "embed");
  return pass.logits(pass.dropout(normed, config.dropRate), name);
}

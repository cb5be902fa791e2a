/**
 * A block of a text encoder that looks at an image, as BLIP's (Li et al. 2022): between self-attention and MLP, tokens of the text ask and tokens of the
 * image answer. Norms come before branches here, BLIP's come after.
 */
import type { CrossAttentionShape } from "../io/config-clip.js";
import { crossAttention, type Tensor } from "../tensor/index.js";
import type { Pass } from "./pass.js";
import { attended, type EncoderBlock, fedForward, finishBranch } from "./vit-block.js";

/** q from the text's tokens, k and v from the image's, with one gate for the dimensions of all three. */
function crossBranch(x: Tensor, image: Tensor, shape: CrossAttentionShape, block: EncoderBlock, pass: Pass): Tensor {
  const name = `blocks.${block.index}`;
  const normed = pass.gate(pass.layerNorm(x, `${name}.cross_norm`, block.config), "embed");
  const q = pass.gate(pass.linear(normed, `${name}.cross_attn.q`), `${name}.crossAttn.headDim`);
  const kv = pass.gate(pass.linear(image, `${name}.cross_attn.kv`), `${name}.crossAttn.headDim`);
  const mixed = crossAttention(q, kv, shape);
  return finishBranch(pass.linear(mixed, `${name}.cross_attn.proj`), block, pass, "block.cross");
}

/**
 * x + self-attention, + attention to the image, + MLP.
 *
 * @param x - tokens of texts, [batch, tokens, width]; the result has the same shape
 * @param image - tokens of as many images, [batch, image tokens, image width]
 */
export function crossAttentionBlock(
  x: Tensor,
  image: Tensor,
  shape: CrossAttentionShape,
  block: EncoderBlock,
  pass: Pass,
): Tensor {
  const read = attended(x, block, pass);
  return fedForward(pass.residual(read, crossBranch(read, image, shape, block, pass)), block, pass);
}

/**
 * A block of a text encoder that looks at an image, as BLIP's (Li et al. 2022): between self-attention and MLP, tokens of the text ask and tokens of the
 * image answer. Norms come before branches here, BLIP's come after.
 */
import type { CrossAttentionShape } from "../io/config-clip.js";
import { crossAttention, type Tensor } from "../tensor/index.js";
import type { Pass } from "./pass.js";
import { addBranch, attended, type EncoderBlock, fedForward } from "./vit-block.js";

/** x plus attention to an image: q from the text's tokens, k and v from the image's, with one gate for the dimensions of all three. */
function lookedAt(x: Tensor, image: Tensor, shape: CrossAttentionShape, block: EncoderBlock, pass: Pass): Tensor {
  const name = `blocks.${block.index}`;
  const normed = pass.gate(pass.layerNorm(x, `${name}.cross_norm`, block.config), "embed");
  const q = pass.gated(normed, `${name}.cross_attn.q`, `${name}.crossAttn.headDim`);
  const kv = pass.gated(image, `${name}.cross_attn.kv`, `${name}.crossAttn.headDim`);
  const mixed = crossAttention(q, kv, shape);
  return addBranch(x, mixed, { layer: "cross_attn.proj", site: "block.cross" }, block, pass);
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
  return fedForward(lookedAt(attended(x, block, pass), image, shape, block, pass), block, pass);
}

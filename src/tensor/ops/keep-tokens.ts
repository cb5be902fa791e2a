/** Leaving out the tokens that the class token attends to least. */
import { ShapeError } from "../../errors.js";
import { classAttention as classAttentionKernel } from "../../kernels/class-attention.js";
import { keepTokens as keepTokensKernel } from "../../kernels/keep-tokens.js";
import { placeRows } from "../../kernels/place-rows.js";
import { defineOp } from "../op.js";
import { storageOf, Tensor } from "../tensor.js";
import { type AttentionAttributes, sizeOfAttention } from "./attention-inputs.js";

/** Which tokens of each example stay, both ways. */
export interface KeptTokens {
  /** u32 [batch, kept]: the row in [batch * tokens] of each token that stays. */
  readonly rows: Tensor;
  /** u32 [batch, tokens]: the row in [batch * kept] of each token, or `NONE` for one that goes. */
  readonly places: Tensor;
}

/**
 * The attention of token 0, the class token, to each token, mean over heads: [batch, tokens]. qkv: [batch, tokens, 3 * heads * headDim]. It has no
 * gradient: a choice is made of it. @throws ShapeError
 */
export function classAttention(qkv: Tensor, attributes: AttentionAttributes): Tensor {
  const size = sizeOfAttention(qkv, attributes);
  const attention = Tensor.empty(qkv.gpu, [size.batch, size.tokens]);
  classAttentionKernel(qkv.gpu, { qkv, attention }, size, storageOf(qkv));
  return attention;
}

/** Of each example the first `prefixTokens` and the `kept` others of most attention [batch, tokens], in their order; the earlier one of equals. @throws ShapeError */
export function keepTokens(
  attention: Tensor,
  { prefixTokens, kept }: { prefixTokens: number; kept: number },
): KeptTokens {
  const { gpu } = attention;
  const [batch, tokens] = attention.shape;
  const rows = Tensor.empty(gpu, [batch, prefixTokens + kept], "u32");
  const places = Tensor.empty(gpu, [batch, tokens], "u32");
  keepTokensKernel(gpu, { attention, rows, places }, { batch, tokens, prefixTokens, kept });
  return { rows, places };
}

const take = defineOp({
  name: "takeTokens",
  float16: ["x"],
  forward(gpu, { x }: { x: Tensor }, { rows, places }: KeptTokens) {
    const [batch, tokens, width] = x.shape;
    if (x.shape.length !== 3 || places.shape.join() !== [batch, tokens].join()) {
      throw new ShapeError(
        `takeTokens: expected [${places.shape}, width], of which tokens were chosen, got [${x.shape}]`,
      );
    }
    const out = Tensor.empty(gpu, [...rows.shape, width], x.type);
    placeRows(gpu, { x, source: rows, y: out }, { rows: rows.size, width }, storageOf(x));
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, attributes: { places }, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    placeRows(gpu, { x: gradient, source: places, y: dX }, { rows: places.size, width: x.shape[2] });
    return { x: dX };
  },
  tangent: "linear",
});

/** The tokens that stay: [batch, tokens, width] -> [batch, kept, width]. Those that go get no gradient. @throws ShapeError */
export const takeTokens = (x: Tensor, kept: KeptTokens): Tensor => take({ x }, kept);

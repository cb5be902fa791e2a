import { ShapeError } from "../../errors.js";
import {
  type PathAttentionSize,
  pathAttentionGrad,
  pathAttention as pathAttentionKernel,
  pathAttentionSaved,
} from "../../kernels/path-attention.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";
import type { AttentionAttributes } from "./attention-inputs.js";

/** How path attention splits its input. */
export type PathAttentionAttributes = Pick<AttentionAttributes, "heads">;

function sizeOfPathAttention(qkv: Tensor, { heads }: PathAttentionAttributes): PathAttentionSize {
  const [batch, tokens, width] = qkv.shape;
  if (qkv.shape.length !== 3 || width % (3 * heads) !== 0) {
    throw new ShapeError(
      `pathAttention: expected qkv [batch, tokens, 3 * ${heads} heads * headDim], got [${qkv.shape}]; check the heads`,
    );
  }
  return { batch, tokens, heads, headDim: width / (3 * heads) };
}

const attend = defineOp({
  name: "pathAttention",
  forward(gpu, { qkv }: { qkv: Tensor }, attributes: PathAttentionAttributes) {
    const size = sizeOfPathAttention(qkv, attributes);
    const lengths = pathAttentionSaved(size);
    const saved = {
      keyTotals: Tensor.empty(gpu, [lengths.keyTotals]),
      valueMeans: Tensor.empty(gpu, [lengths.valueMeans]),
      inverseNorms: Tensor.empty(gpu, [lengths.inverseNorms]),
    };
    const out = Tensor.empty(gpu, [size.batch, size.tokens, size.heads * size.headDim]);
    pathAttentionKernel(gpu, { qkv, out, ...saved }, size);
    return { out, saved };
  },
  backward({ gpu, inputs: { qkv }, attributes, saved, gradient }) {
    const dQkv = Tensor.empty(gpu, qkv.shape);
    pathAttentionGrad(gpu, { qkv, dOut: gradient, dQkv, ...saved }, sizeOfPathAttention(qkv, attributes));
    return { qkv: dQkv };
  },
});

/**
 * out[i] = sum_j (q[i] . k[j]) v[j] / sum_j (q[i] . k[j]) by head, for q and k >= 0; zero where the divisor is zero. The divisor counts as a constant in
 * gradients. qkv: [batch, tokens, 3, heads, headDim] flattened to three axes; result: [batch, tokens, heads * headDim]. @throws ShapeError
 */
export const pathAttention = (qkv: Tensor, attributes: PathAttentionAttributes): Tensor => attend({ qkv }, attributes);

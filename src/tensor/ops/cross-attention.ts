import { ShapeError } from "../../errors.js";
import { crossAttentionGrad, crossAttention as crossAttentionKernel } from "../../kernels/cross-attention.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";

/** How attention across sequences splits and scales its inputs. */
export interface CrossAttentionAttributes {
  readonly heads: number;
  /** Factor on q k^T; after cutting head dimensions it stays that of the dense head. Default: headDim ** -0.5. */
  readonly scale?: number;
}

function sizeOfAttention(q: Tensor, kv: Tensor, { heads, scale }: CrossAttentionAttributes) {
  const [batch, queries, width] = q.shape;
  const expected = q.shape.length === 3 && kv.shape.length === 3 && width % heads === 0;
  if (!expected || kv.shape[0] !== batch || kv.shape[2] !== 2 * width) {
    throw new ShapeError(
      `crossAttention: expected q [batch, queries, ${heads} heads * headDim] and kv [batch, keys, 2 * heads * headDim], got [${q.shape}] and [${kv.shape}]`,
    );
  }
  const headDim = width / heads;
  return { batch, queries, keys: kv.shape[1], heads, headDim, scale: scale ?? headDim ** -0.5 };
}

const attend = defineOp({
  name: "crossAttention",
  forward(gpu, { q, kv }: { q: Tensor; kv: Tensor }, attributes: CrossAttentionAttributes) {
    const size = sizeOfAttention(q, kv, attributes);
    const out = Tensor.empty(gpu, q.shape);
    const logsumexp = Tensor.empty(gpu, [size.batch, size.heads, size.queries]);
    crossAttentionKernel(gpu, { q, kv, out, logsumexp }, size);
    return { out, saved: { logsumexp } };
  },
  backward({ gpu, inputs: { q, kv }, attributes, saved: { logsumexp }, out, gradient }) {
    const [dQ, dKv] = [Tensor.empty(gpu, q.shape), Tensor.empty(gpu, kv.shape)];
    crossAttentionGrad(gpu, { q, kv, out, logsumexp, dOut: gradient, dQ, dKv }, sizeOfAttention(q, kv, attributes));
    return { q: dQ, kv: dKv };
  },
});

/**
 * softmax(scale q k^T) v by head, with keys and values of other tokens than the queries. q: [batch, queries, heads * headDim]; kv: [batch, keys,
 * 2, heads, headDim] flattened to three axes; result: shaped as q. There are no second derivatives. @throws ShapeError
 */
export const crossAttention = (q: Tensor, kv: Tensor, attributes: CrossAttentionAttributes): Tensor =>
  attend({ q, kv }, attributes);

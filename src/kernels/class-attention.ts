import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { AttentionSize } from "./attention.js";
import { operandConstants } from "./attention-variant.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, type StorageOptions } from "./elements.js";
import { reduce } from "./reduce.js";
import { requireFinite, requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import { softmax } from "./softmax.js";

const GROUP = constantNumber(shaders.class_scores, "GROUP");

/**
 * attention[b, t] = mean over heads of softmax over t of scale * dot(q[b, 0, h], k[b, t, h]): how much token 0, the class token, attends to each. qkv:
 * batch x tokens x 3 x heads x headDim; attention: batch x tokens; `storage` is that of qkv.
 * @throws ShapeError when a buffer is too short or the scale no finite number.
 */
export function classAttention(
  gpu: Gpu,
  { qkv, attention }: { qkv: BufferLike; attention: BufferLike },
  { batch, tokens, heads, headDim, scale = headDim ** -0.5 }: AttentionSize,
  { storage }: StorageOptions = {},
): void {
  const count = heads * batch * tokens;
  requireSizes("classAttention", { batch, tokens, heads, headDim });
  requireFinite("classAttention", "scale", scale);
  requireElements("classAttention", { qkv }, { qkv: 3 * count * headDim }, storage);
  requireElements("classAttention", { attention }, { attention: batch * tokens });
  using _temporaries = gpu.scope();
  const [scores, shares] = [gpu.allocate(4 * count), gpu.allocate(4 * count)];
  const load = loadWidth(headDim);
  gpu.dispatch(shaders.class_scores, {
    buffers: { qkv, scores },
    params: { count, batch, tokens, heads, head_dim: headDim / load, scale },
    constants: operandConstants(load, storage),
    groups: Math.ceil(count / GROUP),
  });
  softmax(gpu, { x: scores, y: shares }, { rows: heads * batch, columns: tokens });
  reduce(gpu, "mean", { x: shares, y: attention }, { outer: heads, length: batch * tokens, inner: 1 });
}

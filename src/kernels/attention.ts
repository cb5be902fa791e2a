import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements } from "./elements.js";
import * as shaders from "./shaders.gen.js";

/** Extents of packed attention. */
export interface AttentionSize {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
  /** Factor on q k^T; headDim ** -0.5 when left out. */
  readonly scale?: number;
}

/** Places in qkv and the kernels' variant. Everything counts values of one or four elements. */
function packed(gpu: Gpu, { tokens, heads, headDim, scale = headDim ** -0.5 }: AttentionSize) {
  const width = loadWidth(headDim);
  const row = (heads * headDim) / width;
  const group = gpu.info.software ? 8 : 64;
  return {
    sizes: { heads, head_dim: headDim / width, scale },
    row,
    offsets: { q: 0, k: row, v: 2 * row },
    stride: 3 * row,
    constants: { ...(width === 4 && { Value: "vec4f", ONES: "vec4f(1.0)" }), GROUP: group },
    tiles: Math.ceil(tokens / group),
  };
}

/**
 * out = softmax(scale q k^T) v for each head, without keeping the scores. qkv: batch x tokens x 3 x heads x headDim; out: batch x tokens x heads x headDim;
 * logsumexp: batch x heads x tokens, for the gradient; f32.
 * @throws ShapeError when a buffer is too short.
 */
export function attention(
  gpu: Gpu,
  { qkv, out, logsumexp }: { qkv: BufferLike; out: BufferLike; logsumexp: BufferLike },
  size: AttentionSize,
): void {
  const { batch, tokens, heads, headDim } = size;
  const length = batch * tokens * heads * headDim;
  const lengths = { qkv: 3 * length, out: length, logsumexp: batch * heads * tokens };
  requireElements("attention", { qkv, out, logsumexp }, lengths);
  const { sizes, offsets, stride, constants, tiles } = packed(gpu, size);
  if (process.env.LANE) {
    const LANES = gpu.info.subgroupSize!;
    gpu.dispatch(shaders.attention_lane, {
      buffers: { q: qkv, k: qkv, v: qkv, out, logsumexp },
      params: {
        ...sizes,
        queries: tokens,
        keys: tokens,
        q_offset: offsets.q,
        q_stride: stride,
        k_offset: offsets.k,
        k_stride: stride,
        v_offset: offsets.v,
        v_stride: stride,
      },
      constants: { LANES, ...(process.env.BLOCK && { BLOCK: Number(process.env.BLOCK) }) },
      groups: [Math.ceil(tokens / (4 * LANES)), heads, batch],
    });
    return;
  }
  gpu.dispatch(shaders.attention, {
    buffers: { q: qkv, k: qkv, v: qkv, out, logsumexp },
    params: {
      ...sizes,
      queries: tokens,
      keys: tokens,
      q_offset: offsets.q,
      q_stride: stride,
      k_offset: offsets.k,
      k_stride: stride,
      v_offset: offsets.v,
      v_stride: stride,
    },
    constants,
    groups: [tiles, heads, batch],
  });
}

/**
 * Gradient of `attention` by qkv, from its results out and logsumexp. dOut has the shape of out, dQkv that of qkv. Probabilities are made again
 * block by block; every sum has a fixed order.
 * @throws ShapeError when a buffer is too short.
 */
export function attentionGrad(
  gpu: Gpu,
  {
    qkv,
    out,
    logsumexp,
    dOut,
    dQkv,
  }: { qkv: BufferLike; out: BufferLike; logsumexp: BufferLike; dOut: BufferLike; dQkv: BufferLike },
  size: AttentionSize,
): void {
  const { batch, tokens, heads, headDim } = size;
  const length = batch * tokens * heads * headDim;
  const count = batch * heads * tokens;
  const lengths = { qkv: 3 * length, out: length, logsumexp: count, dOut: length, dQkv: 3 * length };
  requireElements("attentionGrad", { qkv, out, logsumexp, dOut, dQkv }, lengths);
  using _temporaries = gpu.scope();
  const { sizes, row, offsets, stride, constants, tiles } = packed(gpu, size);
  const delta = gpu.allocate(4 * count);
  gpu.dispatch(shaders.attention_delta, {
    buffers: { out, d_out: dOut, delta },
    params: { count, tokens, heads, head_dim: sizes.head_dim },
    constants,
    groups: Math.ceil(count / constants.GROUP),
  });
  const common = { ...sizes, own_rows: tokens, other_rows: tokens, gradient_stride: stride };
  const groups = [tiles, heads, batch] as const;
  gpu.dispatch(shaders.attention_grad, {
    buffers: {
      own_first: qkv,
      own_second: dOut,
      other_first: qkv,
      other_second: qkv,
      logsumexp,
      delta,
      gradient: dQkv,
    },
    params: {
      ...common,
      own_first_offset: offsets.q,
      own_first_stride: stride,
      own_second_offset: 0,
      own_second_stride: row,
      other_first_offset: offsets.k,
      other_first_stride: stride,
      other_second_offset: offsets.v,
      other_second_stride: stride,
      first_gradient_offset: offsets.q,
      second_gradient_offset: 0,
    },
    constants,
    groups,
  });
  gpu.dispatch(shaders.attention_grad, {
    buffers: {
      own_first: qkv,
      own_second: qkv,
      other_first: qkv,
      other_second: dOut,
      logsumexp,
      delta,
      gradient: dQkv,
    },
    params: {
      ...common,
      own_first_offset: offsets.k,
      own_first_stride: stride,
      own_second_offset: offsets.v,
      own_second_stride: stride,
      other_first_offset: offsets.q,
      other_first_stride: stride,
      other_second_offset: 0,
      other_second_stride: row,
      first_gradient_offset: offsets.k,
      second_gradient_offset: offsets.v,
    },
    constants: { ...constants, OF_KEYS: true },
    groups,
  });
}

import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import { type AttentionVariant, operandConstants, planAttention } from "./attention-variant.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { reduce } from "./reduce.js";
import * as shaders from "./shaders.gen.js";

export type { AttentionVariant } from "./attention-variant.js";

/** Extents of packed attention. */
export interface AttentionSize {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
  /** Factor on q k^T; headDim ** -0.5 when left out. */
  readonly scale?: number;
}

/** Choice of kernel. */
export interface AttentionOptions {
  /** Chosen by device and head dimension when left out. */
  readonly variant?: AttentionVariant;
}

/** Operands of `attention`. */
export interface AttentionBuffers {
  /** batch x tokens x 3 x heads x headDim: q, k and v of a token one after the other. */
  readonly qkv: BufferLike;
  /** batch x tokens x heads x headDim. */
  readonly out: BufferLike;
  /** batch x heads x tokens, for the gradient. */
  readonly logsumexp: BufferLike;
  /** One value a token: a factor on the share that a token has as a key. 0 takes the token out; at least one must stay. */
  readonly keyGate?: BufferLike;
}

/** Operands of `attentionGrad`. */
export interface AttentionGradBuffers extends AttentionBuffers {
  /** Upstream gradient, shaped as out. */
  readonly dOut: BufferLike;
  /** Shaped as qkv. */
  readonly dQkv: BufferLike;
  /** Receives the gradient by keyGate, [tokens]. */
  readonly dKeyGate?: BufferLike;
}

/** Where rows of an operand lie: its first value, and the values from one token to the next. */
export interface Place {
  readonly offset: number;
  readonly stride: number;
}

/** Places of q, k and v in qkv, and of out, in values of `width` elements. */
export function places({ heads, headDim }: AttentionSize, width: number): Record<"q" | "k" | "v" | "out", Place> {
  const stride = (heads * headDim) / width;
  const part = (index: number) => ({ offset: index * stride, stride: 3 * stride });
  return { q: part(0), k: part(1), v: part(2), out: { offset: 0, stride } };
}

const scaleOf = ({ headDim, scale = headDim ** -0.5 }: AttentionSize) => scale;

/**
 * out = softmax(scale q k^T) v for each head, block by block of keys, without keeping the scores. f32. With key gates g the shares of the keys are
 * `g[j] exp(score[j])` over their sum, so that closing a key is the same as attention without that token.
 * @throws ShapeError when a buffer is too short, KernelError when the variant asked for cannot run here.
 */
export function attention(
  gpu: Gpu,
  { qkv, out, logsumexp, keyGate }: AttentionBuffers,
  size: AttentionSize,
  { variant }: AttentionOptions = {},
): void {
  const { batch, tokens, heads, headDim } = size;
  const length = batch * tokens * heads * headDim;
  const lengths = { qkv: 3 * length, out: length, logsumexp: batch * heads * tokens };
  requireElements("attention", { qkv, out, logsumexp }, lengths);
  const plan = planAttention(gpu, headDim, keyGate !== undefined, variant);
  const operands = { q: qkv, k: qkv, v: qkv, out, logsumexp };
  const params = operandParams(size, plan.width);
  const groups = [Math.ceil(tokens / plan.rows), heads, batch] as const;
  if (plan.variant === "lane") {
    gpu.dispatch(shaders.attention_lane, { buffers: operands, params, constants: plan.constants, groups });
    return;
  }
  gpu.dispatch(shaders.attention, {
    buffers: { ...operands, key_gate: keyGate ?? qkv },
    params,
    constants: { ...plan.constants, GATED: keyGate !== undefined },
    groups,
  });
}

/** Parameters of kernels that go from q, k and v of packed qkv. */
function operandParams(size: AttentionSize, width: number) {
  const { q, k, v } = places(size, width);
  return {
    heads: size.heads,
    head_dim: size.headDim / width,
    queries: size.tokens,
    keys: size.tokens,
    scale: scaleOf(size),
    q_offset: q.offset,
    q_stride: q.stride,
    k_offset: k.offset,
    k_stride: k.stride,
    v_offset: v.offset,
    v_stride: v.stride,
  };
}

/**
 * Gradient of `attention` by qkv, and by the key gates if dKeyGate is there, from its results. Probabilities are made again block by block; every sum has a fixed order.
 * @throws ShapeError when a buffer is too short, KernelError when the variant asked for cannot run here.
 */
export function attentionGrad(
  gpu: Gpu,
  { qkv, out, logsumexp, keyGate, dOut, dQkv, dKeyGate }: AttentionGradBuffers,
  size: AttentionSize,
  { variant }: AttentionOptions = {},
): void {
  const { batch, tokens, heads, headDim } = size;
  const length = batch * tokens * heads * headDim;
  const rows = batch * heads * tokens;
  const lengths = { qkv: 3 * length, out: length, logsumexp: rows, dOut: length, dQkv: 3 * length };
  requireElements("attentionGrad", { qkv, out, logsumexp, dOut, dQkv }, lengths);
  using _temporaries = gpu.scope();
  const delta = gpu.allocate(4 * rows);
  attentionDelta(gpu, { out, dOut, delta }, size);

  const plan = planAttention(gpu, headDim, keyGate !== undefined, variant);
  if (dKeyGate) keyGateGradient(gpu, { qkv, logsumexp, dOut, delta, dKeyGate }, size);
  const place = places(size, plan.width);
  const half = (ofKeys: boolean, own: readonly [Side, Side], other: readonly [Side, Side]) => {
    const buffer = { q: qkv, k: qkv, v: qkv, out: dOut };
    const operands = {
      own_first: buffer[own[0]],
      own_second: buffer[own[1]],
      other_first: buffer[other[0]],
      other_second: buffer[other[1]],
      logsumexp,
      delta,
      gradient: dQkv,
    };
    const call = {
      params: {
        heads,
        head_dim: headDim / plan.width,
        own_rows: tokens,
        other_rows: tokens,
        scale: scaleOf(size),
        own_first_offset: place[own[0]].offset,
        own_first_stride: place[own[0]].stride,
        own_second_offset: place[own[1]].offset,
        own_second_stride: place[own[1]].stride,
        other_first_offset: place[other[0]].offset,
        other_first_stride: place[other[0]].stride,
        other_second_offset: place[other[1]].offset,
        other_second_stride: place[other[1]].stride,
        first_gradient_offset: place[own[0]].offset,
        second_gradient_offset: place[own[1]].offset,
        gradient_stride: place[own[0]].stride,
      },
      groups: [Math.ceil(tokens / plan.rows), heads, batch] as const,
    };
    const constants = { ...plan.constants, OF_KEYS: ofKeys };
    if (plan.variant === "lane") {
      gpu.dispatch(shaders.attention_grad_lane, { ...call, buffers: operands, constants });
      return;
    }
    gpu.dispatch(shaders.attention_grad, {
      ...call,
      buffers: { ...operands, key_gate: keyGate ?? logsumexp },
      constants: { ...constants, GATED: keyGate !== undefined },
    });
  };
  half(false, ["q", "out"], ["k", "v"]);
  half(true, ["k", "v"], ["q", "out"]);
}

type Side = "q" | "k" | "v" | "out";

const DELTA_GROUP = constantNumber(shaders.attention_delta, "GROUP");

/** delta[b, h, t] = dot(dOut, out) over the head's dimension. */
function attentionDelta(
  gpu: Gpu,
  { out, dOut, delta }: { out: BufferLike; dOut: BufferLike; delta: BufferLike },
  { batch, tokens, heads, headDim }: AttentionSize,
): void {
  const width = headDim % 4 === 0 ? 4 : 1;
  const count = batch * heads * tokens;
  gpu.dispatch(shaders.attention_delta, {
    buffers: { out, d_out: dOut, delta },
    params: { count, tokens, heads, head_dim: headDim / width },
    constants: operandConstants(width),
    groups: Math.ceil(count / DELTA_GROUP),
  });
}

/** dKeyGate[j]: by image and head first, then summed over both. */
function keyGateGradient(
  gpu: Gpu,
  buffers: { qkv: BufferLike; logsumexp: BufferLike; dOut: BufferLike; delta: BufferLike; dKeyGate: BufferLike },
  size: AttentionSize,
): void {
  const { qkv, logsumexp, dOut, delta, dKeyGate } = buffers;
  const { batch, tokens, heads, headDim } = size;
  const width = headDim % 4 === 0 ? 4 : 1;
  const count = batch * heads * tokens;
  const partial = gpu.allocate(4 * count);
  gpu.dispatch(shaders.attention_gate_grad, {
    buffers: { q: qkv, k: qkv, v: qkv, d_out: dOut, logsumexp, delta, partial },
    params: { ...operandParams(size, width), count },
    constants: operandConstants(width),
    groups: Math.ceil(count / DELTA_GROUP),
  });
  reduce(gpu, "sum", { x: partial, y: dKeyGate }, { outer: batch * heads, length: tokens, inner: 1 });
}

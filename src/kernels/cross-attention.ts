/** Attention of the tokens of one sequence to those of another, as a text encoder's to an image. */
import type { Gpu } from "../gpu/index.js";
import { attend, type CoreSize, type CrossAttentionOptions, type Operand } from "./attention-core.js";
import { attendGrad } from "./attention-core-grad.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { requireApart, requireFinite, requireSizes } from "./require.js";

export type { CoreSize as CrossAttentionSize, CrossAttentionOptions } from "./attention-core.js";

/** Operands of `crossAttention`. */
export interface CrossAttentionBuffers {
  /** batch x queries x heads x headDim. */
  readonly q: BufferLike;
  /** batch x keys x 2 x heads x headDim: k and v of a token one after the other. */
  readonly kv: BufferLike;
  /** batch x queries x heads x headDim. */
  readonly out: BufferLike;
  /** batch x heads x queries, for the gradient. */
  readonly logsumexp: BufferLike;
}

/** Operands of `crossAttentionGrad`. */
export interface CrossAttentionGradBuffers extends CrossAttentionBuffers {
  /** Upstream gradient, shaped as out. */
  readonly dOut: BufferLike;
  /** Shaped as q. */
  readonly dQ: BufferLike;
  /** Shaped as kv. */
  readonly dKv: BufferLike;
}

function lengthsOf(op: string, { batch, queries, keys, heads, headDim, scale }: CoreSize) {
  requireSizes(op, { batch, queries, keys, heads, headDim });
  requireFinite(op, "scale", scale);
  const width = heads * headDim;
  return {
    q: batch * queries * width,
    kv: 2 * batch * keys * width,
    out: batch * queries * width,
    logsumexp: batch * heads * queries,
  };
}

/** q, and k and v in their buffer. */
export function places(q: BufferLike, kv: BufferLike, { heads, headDim }: CoreSize): Record<"q" | "k" | "v", Operand> {
  const width = heads * headDim;
  return {
    q: { buffer: q, offset: 0, stride: width },
    k: { buffer: kv, offset: 0, stride: 2 * width },
    v: { buffer: kv, offset: width, stride: 2 * width },
  };
}

/**
 * out = softmax(scale q k^T) v for each head, where keys and values come from other tokens than queries. f32; the scores are not kept.
 * @throws ShapeError when a buffer is too short or the scale no finite number, KernelError when the variant asked for cannot run here.
 */
export function crossAttention(
  gpu: Gpu,
  { q, kv, out, logsumexp }: CrossAttentionBuffers,
  size: CoreSize,
  options: CrossAttentionOptions = {},
): void {
  requireElements("crossAttention", { q, kv, out, logsumexp }, lengthsOf("crossAttention", size));
  requireApart("crossAttention", { out, logsumexp }, { q, kv });
  attend(gpu, { ...places(q, kv, size), out, logsumexp }, size, options);
}

/**
 * Gradients of `crossAttention` by q and kv, from its results; every sum has a fixed order.
 * @throws ShapeError when a buffer is too short or the scale no finite number, KernelError when the variant asked for cannot run here.
 */
export function crossAttentionGrad(
  gpu: Gpu,
  { q, kv, out, logsumexp, dOut, dQ, dKv }: CrossAttentionGradBuffers,
  size: CoreSize,
  options: CrossAttentionOptions = {},
): void {
  const lengths = lengthsOf("crossAttentionGrad", size);
  const buffers = { q, kv, out, logsumexp, dOut, dQ, dKv };
  requireElements("crossAttentionGrad", buffers, { ...lengths, dOut: lengths.out, dQ: lengths.q, dKv: lengths.kv });
  const gradients = places(dQ, dKv, size);
  const to = { dQ: gradients.q, dK: gradients.k, dV: gradients.v };
  attendGrad(gpu, { ...places(q, kv, size), out, logsumexp, dOut, ...to }, size, options);
}

/** Attention of tokens among themselves, over packed q, k and v. */
import { KernelError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import {
  attend,
  type CoreSize,
  type CrossAttentionOptions,
  type HeadGateBuffers,
  type Operand,
} from "./attention-core.js";
import { attendGrad } from "./attention-core-grad.js";
import type { BufferLike } from "./buffers.js";
import { requireElements, type StorageOptions } from "./elements.js";
import { requireApart, requireFinite, requireSizes } from "./require.js";

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

/** Which keys a query sees, and the choice of kernel. */
export interface AttentionOptions extends CrossAttentionOptions {
  /** Each token sees itself and those before it, as in CLIP's text encoder. */
  readonly causal?: boolean;
}

/** Operands of `attention`. */
export interface AttentionBuffers {
  /** batch x tokens x 3 x heads x headDim: q, k and v of a token one after the other. */
  readonly qkv: BufferLike;
  /** batch x tokens x heads x headDim. */
  readonly out: BufferLike;
  /** batch x heads x tokens, for the gradient. */
  readonly logsumexp: BufferLike;
  /**
   * One value a token: a factor on the share that a token has as a key. 0 takes the token out; at least one must stay for every query, which in
   * causal order means the first.
   */
  readonly keyGate?: BufferLike;
}

/** Operands of `attention`, with gates of heads. */
export interface GatedAttentionBuffers extends AttentionBuffers, HeadGateBuffers {}

/** Operands of `attentionGrad`. */
export interface AttentionGradBuffers extends AttentionBuffers {
  /** Upstream gradient, shaped as out; with headGate that behind the gates, while out is the result without them. */
  readonly dOut: BufferLike;
  /** Shaped as qkv. */
  readonly dQkv: BufferLike;
  /** Receives the gradient by keyGate, [tokens]. */
  readonly dKeyGate?: BufferLike;
  /** Gates of heads, [heads]. */
  readonly headGate?: BufferLike;
  /** Receives the gradient by headGate, [heads]. */
  readonly dHeadGate?: BufferLike;
}

const coreSize = ({ tokens, ...size }: AttentionSize): CoreSize => ({ ...size, queries: tokens, keys: tokens });

/** Part 0 (q), 1 (k) or 2 (v) of a packed buffer. */
function part(buffer: BufferLike, index: number, { heads, headDim }: AttentionSize): Operand {
  return { buffer, offset: index * heads * headDim, stride: 3 * heads * headDim };
}

/**
 * out = softmax(scale q k^T) v for each head, block by block of keys, without keeping the scores. `storage` is that of qkv and out. With key gates g the shares of the keys are
 * `g[j] exp(score[j])` over their sum, so that closing a key is the same as attention without that token. With gates of heads out is what `gate` makes of that.
 * @throws ShapeError when a buffer is too short or the scale no finite number, KernelError when a result shares memory with another buffer or the variant asked for cannot run here.
 */
export function attention(
  gpu: Gpu,
  { qkv, ...buffers }: GatedAttentionBuffers,
  size: AttentionSize,
  options: AttentionOptions & StorageOptions = {},
): void {
  const { out, logsumexp, keyGate, headGate, ungated } = buffers;
  const { batch, tokens, heads, headDim } = size;
  const length = batch * tokens * heads * headDim;
  requireSizes("attention", { batch, tokens, heads, headDim });
  requireFinite("attention", "scale", size.scale);
  requireElements("attention", { qkv, out }, { qkv: 3 * length, out: length }, options.storage);
  requireElements("attention", { logsumexp }, { logsumexp: batch * heads * tokens });
  if (keyGate) requireElements("attention", { keyGate }, { keyGate: tokens });
  if (headGate) requireElements("attention", { headGate }, { headGate: heads });
  if (ungated) requireElements("attention", { ungated }, { ungated: length }, options.storage);
  requireApart("attention", { out, logsumexp, ungated }, { qkv, keyGate, headGate });
  const operands = { q: part(qkv, 0, size), k: part(qkv, 1, size), v: part(qkv, 2, size) };
  attend(gpu, { ...buffers, ...operands }, coreSize(size), options);
}

/**
 * Gradient of `attention` by qkv, and by the gates if dKeyGate or dHeadGate is there, from its results. Probabilities are made again block by block; every sum has a fixed order.
 * @throws ShapeError when a buffer is too short or the scale no finite number, KernelError when the variant asked for cannot run here, or dHeadGate comes without headGate.
 */
export function attentionGrad(
  gpu: Gpu,
  { qkv, dQkv, ...buffers }: AttentionGradBuffers,
  size: AttentionSize,
  options: AttentionOptions = {},
): void {
  const { out, logsumexp, dOut } = buffers;
  const { batch, tokens, heads, headDim } = size;
  const length = batch * tokens * heads * headDim;
  const rows = batch * heads * tokens;
  const lengths = { qkv: 3 * length, out: length, logsumexp: rows, dOut: length, dQkv: 3 * length };
  requireSizes("attentionGrad", { batch, tokens, heads, headDim });
  requireFinite("attentionGrad", "scale", size.scale);
  requireElements("attentionGrad", { qkv, out, logsumexp, dOut, dQkv }, lengths);
  const { keyGate, dKeyGate, headGate, dHeadGate } = buffers;
  if (keyGate) requireElements("attentionGrad", { keyGate }, { keyGate: tokens });
  if (dKeyGate) requireElements("attentionGrad", { dKeyGate }, { dKeyGate: tokens });
  if (headGate) requireElements("attentionGrad", { headGate }, { headGate: heads });
  if (dHeadGate && !headGate)
    throw new KernelError("attentionGrad: dHeadGate: expected headGate with it, got none; pass the gates, or ones");
  if (dHeadGate) requireElements("attentionGrad", { dHeadGate }, { dHeadGate: heads });
  requireApart("attentionGrad", { dQkv }, { qkv, logsumexp });
  const operands = { q: part(qkv, 0, size), k: part(qkv, 1, size), v: part(qkv, 2, size) };
  const gradients = { dQ: part(dQkv, 0, size), dK: part(dQkv, 1, size), dV: part(dQkv, 2, size) };
  attendGrad(gpu, { ...buffers, ...operands, ...gradients }, coreSize(size), options);
}

/** What attention over packed operands and attention across two sets of tokens have in common: the dispatch, by where operands lie. */
import type { Gpu } from "../gpu/index.js";
import { type AttentionPlan, type AttentionVariant, planAttention } from "./attention-variant.js";
import type { BufferLike } from "./buffers.js";
import { cast } from "./cast.js";
import type { StorageOptions } from "./elements.js";
import * as shaders from "./shaders.gen.js";
import { attentionUsed } from "./tuning/attention-uses.js";

/** Choice of kernel. */
export interface CrossAttentionOptions {
  /** Chosen by device, head dimension and what is asked for when left out. */
  readonly variant?: AttentionVariant;
}

/** Where the rows of an operand lie: its first element, and the elements from one token to the next. */
export interface Operand {
  readonly buffer: BufferLike;
  readonly offset: number;
  readonly stride: number;
}

/** Extents of attention. */
export interface CoreSize {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads: number;
  readonly headDim: number;
  /** Factor on q k^T; headDim ** -0.5 when left out. */
  readonly scale?: number;
}

/** Query t sees the keys up to t, of which there must be as many. */
export interface Order {
  readonly causal?: boolean;
}

/** Operands and results; out is batch x queries x heads x headDim, logsumexp batch x heads x queries, keyGate [keys]. */
export interface CoreBuffers {
  readonly q: Operand;
  readonly k: Operand;
  readonly v: Operand;
  readonly out: BufferLike;
  readonly logsumexp: BufferLike;
  readonly keyGate?: BufferLike;
}

/** Gates of heads: out carries the factors of headGate, [heads], and ungated receives the result without them, shaped as out. */
export interface HeadGateBuffers {
  readonly headGate?: BufferLike;
  readonly ungated?: BufferLike;
}

/** Gradients go to places like those of the operands; dK and dV share a buffer and a stride. dOut is the gradient behind gates of heads, and out is without. */
export interface CoreGradBuffers extends CoreBuffers {
  readonly dOut: BufferLike;
  readonly dQ: Operand;
  readonly dK: Operand;
  readonly dV: Operand;
  readonly dKeyGate?: BufferLike;
  readonly headGate?: BufferLike;
  /** Receives the gradient by headGate, [heads]. */
  readonly dHeadGate?: BufferLike;
}

export const scaleOf = ({ headDim, scale = headDim ** -0.5 }: CoreSize) => scale;

/** Parameters of kernels that go from q, k and v, in values of `width` elements. */
export function operandParams(size: CoreSize, { q, k, v }: Pick<CoreBuffers, "q" | "k" | "v">, width: number) {
  return {
    heads: size.heads,
    head_dim: size.headDim / width,
    queries: size.queries,
    keys: size.keys,
    scale: scaleOf(size),
    q_offset: q.offset / width,
    q_stride: q.stride / width,
    k_offset: k.offset / width,
    k_stride: k.stride / width,
    v_offset: v.offset / width,
    v_stride: v.stride / width,
  };
}

/** out and logsumexp. @throws KernelError when the variant asked for cannot run here. */
export function attend(
  gpu: Gpu,
  buffers: CoreBuffers & HeadGateBuffers,
  size: CoreSize,
  { variant, causal = false, storage = "f32" }: CrossAttentionOptions & Order & StorageOptions,
): void {
  const { batch, queries, heads, headDim } = size;
  const rows = { headDim, rows: queries, others: size.keys, heads: batch * heads };
  const plan = planAttention(gpu, rows, variant, storage);
  if (variant === undefined) {
    const { keyGate, headGate, ungated } = buffers;
    const [gated, gatedHeads, beside] = [keyGate, headGate, ungated].map((each) => each !== undefined);
    attentionUsed(gpu, { part: "forward", headDim, causal, gated, gatedHeads, beside, storage }, size, plan);
  }
  using _temporaries = gpu.scope();
  if (storage !== "f16") {
    runAttention(gpu, buffers, size, plan, causal);
    return;
  }
  // Sums go through the result from block to block of keys, where f16 would round them each time.
  const length = batch * queries * heads * headDim;
  const { out, ungated } = buffers;
  const wide = { out: gpu.allocate(4 * length), ungated: ungated && gpu.allocate(4 * length) };
  runAttention(gpu, { ...buffers, ...wide }, size, plan, causal);
  const narrow = (x: BufferLike, y: BufferLike) => cast(gpu, { x, y }, { length, from: "f32", to: "f16" });
  narrow(wide.out, out);
  if (wide.ungated && ungated) narrow(wide.ungated, ungated);
}

const FORWARD = {
  stream: shaders.attention_stream,
  short: shaders.attention_short,
  lane: shaders.attention_lane,
  row: shaders.attention,
};

/** One dispatch of the planned kernel, whose result is f32. */
export function runAttention(
  gpu: Gpu,
  buffers: CoreBuffers & HeadGateBuffers,
  size: CoreSize,
  plan: AttentionPlan,
  causal: boolean,
): void {
  const { q, k, v, out, logsumexp, keyGate, headGate, ungated } = buffers;
  const { batch, heads } = size;
  gpu.dispatch(FORWARD[plan.variant], {
    buffers: {
      q: q.buffer,
      k: k.buffer,
      v: v.buffer,
      out: ungated ?? out,
      logsumexp,
      key_gate: keyGate ?? q.buffer,
      head_gate: headGate ?? q.buffer,
      gated: ungated ? out : gpu.allocate(16),
    },
    params: operandParams(size, buffers, plan.width),
    constants: {
      ...plan.constants,
      GATED: keyGate !== undefined,
      CAUSAL: causal,
      GATED_HEADS: headGate !== undefined,
      BESIDE: ungated !== undefined,
    },
    groups: [plan.tiles, heads, batch],
  });
}

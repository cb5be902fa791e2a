/** What attention over packed operands and attention across two sets of tokens have in common: the dispatches, by where operands lie. */
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantNumber } from "../gpu/shader.js";
import { type AttentionPlan, type AttentionVariant, operandConstants, planAttention } from "./attention-variant.js";
import type { BufferLike } from "./buffers.js";
import { cast } from "./cast.js";
import type { StorageOptions } from "./elements.js";
import { reduce } from "./reduce.js";
import * as shaders from "./shaders.gen.js";

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
interface Order {
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

/** Gradients go to places like those of the operands; dK and dV share a buffer and a stride. */
export interface CoreGradBuffers extends CoreBuffers {
  readonly dOut: BufferLike;
  readonly dQ: Operand;
  readonly dK: Operand;
  readonly dV: Operand;
  readonly dKeyGate?: BufferLike;
}

const scaleOf = ({ headDim, scale = headDim ** -0.5 }: CoreSize) => scale;

/** Parameters of kernels that go from q, k and v, in values of `width` elements. */
function operandParams(size: CoreSize, { q, k, v }: Pick<CoreBuffers, "q" | "k" | "v">, width: number) {
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
  buffers: CoreBuffers,
  size: CoreSize,
  { variant, causal = false, storage }: CrossAttentionOptions & Order & StorageOptions,
): void {
  const { batch, queries, heads, headDim } = size;
  const rows = { headDim, rows: queries, others: size.keys, heads: batch * heads };
  const plan = planAttention(gpu, rows, variant, storage);
  using _temporaries = gpu.scope();
  const length = batch * queries * heads * headDim;
  // Sums go through the result from block to block of keys, where f16 would round them each time.
  const out = storage === "f16" ? gpu.allocate(4 * length) : buffers.out;
  runAttention(gpu, { ...buffers, out }, size, plan, causal);
  if (storage === "f16") cast(gpu, { x: out, y: buffers.out }, { length, from: "f32", to: "f16" });
}

const FORWARD = {
  stream: shaders.attention_stream,
  short: shaders.attention_short,
  lane: shaders.attention_lane,
  row: shaders.attention,
};

/** By one side; that of `lane` has all gradients in one kernel. */
const GRADIENT = {
  stream: shaders.attention_stream_grad,
  short: shaders.attention_short_grad,
  row: shaders.attention_grad,
};

function runAttention(gpu: Gpu, buffers: CoreBuffers, size: CoreSize, plan: AttentionPlan, causal: boolean): void {
  const { q, k, v, out, logsumexp, keyGate } = buffers;
  const { batch, heads } = size;
  gpu.dispatch(FORWARD[plan.variant], {
    buffers: { q: q.buffer, k: k.buffer, v: v.buffer, out, logsumexp, key_gate: keyGate ?? q.buffer },
    params: operandParams(size, buffers, plan.width),
    constants: { ...plan.constants, GATED: keyGate !== undefined, CAUSAL: causal },
    groups: [plan.tiles, heads, batch],
  });
}

/** Gradients of `attend`. @throws KernelError when the variant asked for cannot run here. */
export function attendGrad(
  gpu: Gpu,
  buffers: CoreGradBuffers,
  size: CoreSize,
  { variant, causal = false }: CrossAttentionOptions & Order,
): void {
  const { q, k, v, out, logsumexp, keyGate, dOut, dQ, dK, dV, dKeyGate } = buffers;
  const { batch, queries, keys, heads, headDim } = size;
  using _temporaries = gpu.scope();
  const delta = gpu.allocate(4 * batch * heads * queries);
  attentionDelta(gpu, { out, dOut, delta }, size);
  if (dKeyGate) keyGateGradient(gpu, { ...buffers, delta, dKeyGate }, size, causal);
  const selection = { GATED: keyGate !== undefined, CAUSAL: causal };
  const planOf = (rows: number, others: number, wanted = variant) =>
    planAttention(gpu, { headDim, rows, others, heads: batch * heads }, wanted);
  const { variant: chosen, constants } = planOf(queries, keys);
  if (chosen === "lane") {
    const call = { params: operandParams(size, buffers, 4), constants: { ...constants, ...selection } };
    gradByLanes(gpu, { ...buffers, delta }, size, call);
    return;
  }
  const upstream: Operand = { buffer: dOut, offset: 0, stride: heads * headDim };
  const half = (ofKeys: boolean, own: Side, other: Side, first: Operand, second: Operand) => {
    const plan = planOf(own.rows, other.rows, chosen);
    gpu.dispatch(GRADIENT[chosen], {
      buffers: {
        own_first: own.first.buffer,
        own_second: own.second.buffer,
        other_first: other.first.buffer,
        other_second: other.second.buffer,
        logsumexp,
        delta,
        gradient: first.buffer,
        key_gate: keyGate ?? logsumexp,
      },
      params: {
        heads,
        head_dim: headDim / plan.width,
        own_rows: own.rows,
        other_rows: other.rows,
        scale: scaleOf(size),
        own_first_offset: own.first.offset / plan.width,
        own_first_stride: own.first.stride / plan.width,
        own_second_offset: own.second.offset / plan.width,
        own_second_stride: own.second.stride / plan.width,
        other_first_offset: other.first.offset / plan.width,
        other_first_stride: other.first.stride / plan.width,
        other_second_offset: other.second.offset / plan.width,
        other_second_stride: other.second.stride / plan.width,
        first_gradient_offset: first.offset / plan.width,
        second_gradient_offset: second.offset / plan.width,
        gradient_stride: first.stride / plan.width,
      },
      constants: { ...plan.constants, ...selection, OF_KEYS: ofKeys },
      groups: [plan.tiles, heads, batch],
    });
  };
  const ofQueries = { first: q, second: upstream, rows: queries };
  const ofKeys = { first: k, second: v, rows: keys };
  half(false, ofQueries, ofKeys, dQ, dQ); // the second gradient is of keys only
  half(true, ofKeys, ofQueries, dK, dV);
}

/** The operands of one side: q and the upstream gradient, or k and v. */
interface Side {
  readonly first: Operand;
  readonly second: Operand;
  readonly rows: number;
}

/** All three gradients in one dispatch. A kernel may not write into two bindings of one buffer, so that two buffers become one for a while. */
function gradByLanes(
  gpu: Gpu,
  buffers: CoreGradBuffers & { readonly delta: BufferLike },
  { batch, queries, keys, heads, headDim }: CoreSize,
  call: {
    readonly params: ReturnType<typeof operandParams>;
    readonly constants: Readonly<Record<string, number | string | boolean>>;
  },
): void {
  const { q, k, v, logsumexp, keyGate, delta, dOut, dQ, dK, dV } = buffers;
  const joined = bufferOf(dQ.buffer) === bufferOf(dK.buffer);
  const [bytesOfQ, bytesOfKv] = [4 * batch * queries * heads * headDim, 8 * batch * keys * heads * headDim];
  const gradient = joined ? dQ.buffer : gpu.allocate(bytesOfQ + bytesOfKv);
  const after = joined ? 0 : bytesOfQ / 4;
  gpu.dispatch(shaders.attention_grad_lane, {
    buffers: {
      q: q.buffer,
      k: k.buffer,
      v: v.buffer,
      d_out: dOut,
      logsumexp,
      delta,
      gradient,
      key_gate: keyGate ?? logsumexp,
    },
    params: {
      ...call.params,
      d_q_offset: dQ.offset / 4,
      d_q_stride: dQ.stride / 4,
      d_k_offset: (after + dK.offset) / 4,
      d_k_stride: dK.stride / 4,
      d_v_offset: (after + dV.offset) / 4,
      d_v_stride: dV.stride / 4,
    },
    constants: call.constants,
    groups: [heads, batch, 1],
  });
  if (joined) return;
  gpu.copy(bufferOf(gradient), bufferOf(dQ.buffer), bytesOfQ);
  gpu.copy(bufferOf(gradient), bufferOf(dK.buffer), bytesOfKv, bytesOfQ);
}

const DELTA_GROUP = constantNumber(shaders.attention_delta, "GROUP");

/** delta[b, h, t] = dot(dOut, out) over the head's dimension. */
function attentionDelta(
  gpu: Gpu,
  { out, dOut, delta }: { out: BufferLike; dOut: BufferLike; delta: BufferLike },
  { batch, queries, heads, headDim }: CoreSize,
): void {
  const width = headDim % 4 === 0 ? 4 : 1;
  const count = batch * heads * queries;
  gpu.dispatch(shaders.attention_delta, {
    buffers: { out, d_out: dOut, delta },
    params: { count, tokens: queries, heads, head_dim: headDim / width },
    constants: operandConstants(width),
    groups: Math.ceil(count / DELTA_GROUP),
  });
}

/** dKeyGate[j]: by image and head first, then summed over both. */
function keyGateGradient(
  gpu: Gpu,
  buffers: CoreGradBuffers & { readonly delta: BufferLike; readonly dKeyGate: BufferLike },
  size: CoreSize,
  causal: boolean,
): void {
  const { q, k, v, logsumexp, dOut, delta, dKeyGate } = buffers;
  const { batch, keys, heads, headDim } = size;
  const width = headDim % 4 === 0 ? 4 : 1;
  const count = batch * heads * keys;
  const partial = gpu.allocate(4 * count);
  gpu.dispatch(shaders.attention_gate_grad, {
    buffers: { q: q.buffer, k: k.buffer, v: v.buffer, d_out: dOut, logsumexp, delta, partial },
    params: { ...operandParams(size, buffers, width), count },
    constants: { ...operandConstants(width), CAUSAL: causal },
    groups: Math.ceil(count / DELTA_GROUP),
  });
  reduce(gpu, "sum", { x: partial, y: dKeyGate }, { outer: batch * heads, length: keys, inner: 1 });
}

/** Gradients of attention, over operands that lie anywhere: in one dispatch, or in one for each side. */
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantNumber } from "../gpu/shader.js";
import {
  type CoreBuffers,
  type CoreSize,
  type CrossAttentionOptions,
  type Operand,
  type Order,
  operandParams,
  scaleOf,
} from "./attention-core.js";
import { operandConstants, planAttention } from "./attention-variant.js";
import type { BufferLike } from "./buffers.js";
import { reduce } from "./reduce.js";
import * as shaders from "./shaders.gen.js";

/** Gradients go to places like those of the operands; dK and dV share a buffer and a stride. */
export interface CoreGradBuffers extends CoreBuffers {
  readonly dOut: BufferLike;
  readonly dQ: Operand;
  readonly dK: Operand;
  readonly dV: Operand;
  readonly dKeyGate?: BufferLike;
}

/** By one side; that of `lane` has all gradients in one kernel. */
const GRADIENT = {
  stream: shaders.attention_stream_grad,
  short: shaders.attention_short_grad,
  row: shaders.attention_grad,
};

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

/** Gradients of attention, over operands that lie anywhere: in one dispatch, or in one for each side. */
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import {
  type CoreGradBuffers,
  type CoreSize,
  type CrossAttentionOptions,
  type Operand,
  type Order,
  operandParams,
  scaleOf,
} from "./attention-core.js";
import { keyGateGradient, sumKeyGates, upstreamOf } from "./attention-upstream.js";
import { type AttentionPlan, planAttention } from "./attention-variant.js";
import type { BufferLike } from "./buffers.js";
import * as shaders from "./shaders.gen.js";
import { attentionUsed } from "./tuning/attention-uses.js";

/** By one side; that of `lane` has all gradients in one kernel. */
const GRADIENT = {
  stream: shaders.attention_stream_grad,
  short: shaders.attention_short_grad,
  row: shaders.attention_grad,
};

/** Gradients of `attend`; out is that without gates of heads. @throws KernelError when the variant asked for cannot run here. */
export function attendGrad(
  gpu: Gpu,
  buffers: CoreGradBuffers,
  size: CoreSize,
  { variant, causal = false }: CrossAttentionOptions & Order,
): void {
  const { keyGate, dKeyGate } = buffers;
  const { batch, queries, keys, heads, headDim } = size;
  using _temporaries = gpu.scope();
  const upstream = upstreamOf(gpu, buffers, size);
  const planOf = (rows: number, others: number, wanted = variant) =>
    planAttention(gpu, { headDim, rows, others, heads: batch * heads }, wanted);
  const ofQueries = planOf(queries, keys);
  const ofKeys = planOf(keys, queries, ofQueries.variant);
  if (variant === undefined) {
    const use = { part: "gradient", headDim, causal, gated: keyGate !== undefined } as const;
    attentionUsed(gpu, use, size, ofQueries, ofKeys);
  }
  const all = { ...buffers, ...upstream };
  if (dKeyGate && ofKeys.variant !== "stream") keyGateGradient(gpu, { ...all, dKeyGate }, size, causal);
  runAttentionGrad(gpu, all, size, { ofQueries, ofKeys }, causal);
}

/** The dispatches of the planned kernels, from the gradient before gates of heads and its delta; of them `stream` fills dKeyGate, too. */
export function runAttentionGrad(
  gpu: Gpu,
  buffers: Omit<CoreGradBuffers, "out"> & { readonly delta: BufferLike },
  size: CoreSize,
  plans: { readonly ofQueries: AttentionPlan; readonly ofKeys: AttentionPlan },
  causal: boolean,
): void {
  const { q, k, v, logsumexp, keyGate, dKeyGate, delta, dOut, dQ, dK, dV } = buffers;
  const { batch, queries, keys, heads, headDim } = size;
  const selection = { GATED: keyGate !== undefined, CAUSAL: causal };
  const { variant, constants } = plans.ofQueries;
  if (variant === "lane") {
    const call = { params: operandParams(size, buffers, 4), constants: { ...constants, ...selection } };
    gradByLanes(gpu, buffers, size, call);
    return;
  }
  const upstream: Operand = { buffer: dOut, offset: 0, stride: heads * headDim };
  const half = (ofKeys: boolean, own: Side, other: Side, first: Operand, second: Operand, others = {}) => {
    const plan = ofKeys ? plans.ofKeys : plans.ofQueries;
    gpu.dispatch(GRADIENT[variant], {
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
      constants: { ...plan.constants, ...selection, OF_KEYS: ofKeys, ...others },
      groups: [plan.tiles, heads, batch],
    });
  };
  const ofQueries = { first: q, second: upstream, rows: queries };
  const ofKeys = { first: k, second: v, rows: keys };
  half(false, ofQueries, ofKeys, dQ, dQ); // the second gradient is of keys only
  half(true, ofKeys, ofQueries, dK, dV);
  if (!dKeyGate || variant !== "stream") return;
  // The two products once more: the dispatch before has all eight bindings that a device is sure to have.
  const partial = gpu.allocate(4 * batch * heads * keys);
  const sums: Operand = { buffer: partial, offset: 0, stride: 0 };
  half(true, ofKeys, ofQueries, sums, sums, { OF_GATES: true, GATED: false, Result: "array<f32, 1>" });
  sumKeyGates(gpu, { partial, dKeyGate }, size);
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
  buffers: Omit<CoreGradBuffers, "out"> & { readonly delta: BufferLike },
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

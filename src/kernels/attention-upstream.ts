/** What the gradients of attention begin with, the upstream gradient and what all keys of a query share of it, and those of its gates. */
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import { type CoreGradBuffers, type CoreSize, operandParams } from "./attention-core.js";
import { operandConstants } from "./attention-variant.js";
import type { BufferLike } from "./buffers.js";
import { mapUnits } from "./map-units.js";
import { reduce } from "./reduce.js";
import * as shaders from "./shaders.gen.js";

const GROUP = constantNumber(shaders.attention_delta, "GROUP");

/** The gradient before gates of heads, and its delta[b, h, t] = dot(dOut, out) over the head's dimension. Fills dHeadGate where it is wanted. */
export function upstreamOf(
  gpu: Gpu,
  { out, dOut, headGate, dHeadGate }: CoreGradBuffers,
  { batch, queries, heads, headDim }: CoreSize,
): { readonly dOut: BufferLike; readonly delta: BufferLike } {
  const width = headDim % 4 === 0 ? 4 : 1;
  const count = batch * heads * queries;
  const delta = gpu.allocate(4 * count);
  const call = {
    params: { count, tokens: queries, heads, head_dim: headDim / width },
    constants: operandConstants(width),
    groups: Math.ceil(count / GROUP),
  };
  if (!headGate) {
    gpu.dispatch(shaders.attention_delta, { ...call, buffers: { out, d_out: dOut, delta } });
    return { dOut, delta };
  }
  const [gated, partial] = [gpu.allocate(4 * count * headDim), gpu.allocate(4 * count)];
  const buffers = { out, d_out: dOut, head_gate: headGate, gated, delta, partial };
  gpu.dispatch(shaders.attention_delta_gated, { ...call, buffers });
  if (dHeadGate) {
    const layout = { length: count, inner: queries, period: heads };
    mapUnits(gpu, "x", { x: { buffer: partial } }, { y: dHeadGate, ...layout });
  }
  return { dOut: gated, delta };
}

/** dKeyGate[j], by image and head first: for kernels that do not make it themselves. */
export function keyGateGradient(
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
    groups: Math.ceil(count / GROUP),
  });
  sumKeyGates(gpu, { partial, dKeyGate }, size);
}

/** dKeyGate[j] = the sum over images and heads of partial[b, h, j]. */
export function sumKeyGates(
  gpu: Gpu,
  { partial, dKeyGate }: { readonly partial: BufferLike; readonly dKeyGate: BufferLike },
  { batch, heads, keys }: CoreSize,
): void {
  reduce(gpu, "sum", { x: partial, y: dKeyGate }, { outer: batch * heads, length: keys, inner: 1 });
}

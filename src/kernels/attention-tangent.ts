/** Second derivatives of attention: how its result and its gradient follow when qkv and the key gates move. */
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { AttentionBuffers, AttentionSize } from "./attention.js";
import { operandConstants, planAttention } from "./attention-variant.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements } from "./elements.js";
import { reduce } from "./reduce.js";
import { requireFinite, requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Operands of `attentionTangent`: those of `attention` with its results, and tangents. */
export interface AttentionTangentBuffers extends AttentionBuffers {
  /** Shaped as qkv. */
  readonly qkvTangent: BufferLike;
  /** [tokens]; needed with keyGate. */
  readonly keyGateTangent?: BufferLike;
  /** Receives the tangent of out. */
  readonly outTangent: BufferLike;
  /** Receives the tangent of logsumexp. */
  readonly logsumexpTangent: BufferLike;
}

/** Operands of `attentionGradTangent`; outTangent and logsumexpTangent come from `attentionTangent`. */
export interface AttentionGradTangentBuffers extends AttentionTangentBuffers {
  /** Upstream gradient, shaped as out. */
  readonly dOut: BufferLike;
  /** Receives the tangent of dQkv, shaped as qkv. */
  readonly dQkv: BufferLike;
  /** Receives the tangent of the gradient by keyGate, [tokens]. */
  readonly dKeyGate?: BufferLike;
}

const GROUP = constantNumber(shaders.attention_statistics, "GROUP");

/** Rows of the other side in a block. Three arrays of their weights fit into the 16 KiB of workgroup memory that every device has. */
const blockOf = (gpu: Gpu) => (gpu.info.software ? 64 : 16);

const lengthsOf = (op: string, { batch, tokens, heads, headDim, scale }: AttentionSize) => {
  requireSizes(op, { batch, tokens, heads, headDim });
  requireFinite(op, "scale", scale);
  const out = batch * tokens * heads * headDim;
  const logsumexp = batch * heads * tokens;
  return { qkv: 3 * out, qkvTangent: 3 * out, out, logsumexp, outTangent: out, logsumexpTangent: logsumexp };
};

function requireGates(
  op: string,
  { keyGate, keyGateTangent, dKeyGate }: Pick<AttentionGradTangentBuffers, "keyGate" | "keyGateTangent" | "dKeyGate">,
  { tokens }: AttentionSize,
): void {
  for (const [name, gates] of Object.entries({ keyGate, keyGateTangent, dKeyGate })) {
    if (gates) requireElements(op, { [name]: gates }, { [name]: tokens });
  }
}

const paramsOf = ({ tokens, heads, headDim, scale = headDim ** -0.5 }: AttentionSize, width: number) => ({
  tokens,
  heads,
  head_dim: headDim / width,
  scale,
});

/** Grid and constants of kernels that hold a query or key an invocation. */
function rowPlan(gpu: Gpu, { batch, tokens, heads, headDim }: AttentionSize, gated: boolean) {
  const size = { headDim, rows: tokens, others: tokens, heads: batch * heads };
  const { constants, tiles, width } = planAttention(gpu, size, "row");
  return {
    width,
    constants: { ...constants, BLOCK: blockOf(gpu), GATED: gated },
    groups: [tiles, heads, batch] as const,
  };
}

/**
 * outTangent = the derivative of `attention` along (qkvTangent, keyGateTangent). Scores are made again block by block, so that no tokens x tokens
 * matrix is kept; f32.
 * @throws ShapeError when a buffer is too short or the scale no finite number.
 */
export function attentionTangent(gpu: Gpu, buffers: AttentionTangentBuffers, size: AttentionSize): void {
  const { qkv, qkvTangent, out, logsumexp, keyGate, keyGateTangent, outTangent, logsumexpTangent } = buffers;
  const named = { qkv, qkvTangent, out, logsumexp, outTangent, logsumexpTangent };
  requireElements("attentionTangent", named, lengthsOf("attentionTangent", size));
  requireGates("attentionTangent", buffers, size);
  const { width, ...plan } = rowPlan(gpu, size, keyGate !== undefined);
  gpu.dispatch(shaders.attention_tangent, {
    ...plan,
    params: paramsOf(size, width),
    buffers: {
      qkv,
      qkv_tangent: qkvTangent,
      out,
      logsumexp,
      key_gate: keyGate ?? logsumexp,
      key_gate_tangent: keyGateTangent ?? logsumexp,
      out_tangent: outTangent,
      logsumexp_tangent: logsumexpTangent,
    },
  });
}

/**
 * dQkv (and dKeyGate) = the derivative of what `attentionGrad` gives along (qkvTangent, keyGateTangent), at an unchanged dOut. Works like it, block by
 * block with sums in a fixed order; its temporaries take 16 bytes a query and head.
 * @throws ShapeError when a buffer is too short or the scale no finite number.
 */
export function attentionGradTangent(gpu: Gpu, buffers: AttentionGradTangentBuffers, size: AttentionSize): void {
  const { qkv, qkvTangent, out, logsumexp, keyGate, keyGateTangent, outTangent, logsumexpTangent } = buffers;
  const { dOut, dQkv, dKeyGate } = buffers;
  const lengths = lengthsOf("attentionGradTangent", size);
  requireElements(
    "attentionGradTangent",
    { qkv, qkvTangent, out, logsumexp, outTangent, logsumexpTangent, dOut, dQkv },
    { ...lengths, dOut: lengths.out, dQkv: lengths.qkv },
  );
  requireGates("attentionGradTangent", buffers, size);
  using _temporaries = gpu.scope();
  const count = lengths.logsumexp;
  const statistics = gpu.allocate(16 * count);
  const width = loadWidth(size.headDim);
  const { tokens, heads } = size;
  gpu.dispatch(shaders.attention_statistics, {
    buffers: { out, out_tangent: outTangent, d_out: dOut, logsumexp, logsumexp_tangent: logsumexpTangent, statistics },
    params: { count, tokens, heads, head_dim: size.headDim / width },
    constants: operandConstants(width),
    groups: Math.ceil(count / GROUP),
  });

  const operands = { qkv, qkv_tangent: qkvTangent, d_out: dOut, statistics };
  const { constants, groups } = rowPlan(gpu, size, keyGate !== undefined);
  const gates = { key_gate: keyGate ?? logsumexp, key_gate_tangent: keyGateTangent ?? logsumexp };
  for (const ofKeys of [false, true]) {
    gpu.dispatch(shaders.attention_grad_tangent, {
      buffers: { ...operands, ...gates, gradient: dQkv },
      params: paramsOf(size, width),
      constants: { ...constants, OF_KEYS: ofKeys },
      groups,
    });
  }
  if (!dKeyGate) return;
  const partial = gpu.allocate(4 * count);
  gpu.dispatch(shaders.attention_gate_grad_tangent, {
    buffers: { ...operands, partial },
    params: { ...paramsOf(size, width), count },
    constants: { ...operandConstants(width), OF_KEYS: true },
    groups: Math.ceil(count / GROUP),
  });
  reduce(gpu, "sum", { x: partial, y: dKeyGate }, { outer: size.batch * heads, length: tokens, inner: 1 });
}

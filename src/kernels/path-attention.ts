/** Attention of path counting: linear in the products of queries and keys, which are never formed. */
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { AttentionSize } from "./attention.js";
import type { Operand } from "./attention-core.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Extents of path attention. */
export type PathAttentionSize = Omit<AttentionSize, "scale">;

type Place = Omit<Operand, "buffer">;

/** Places of q, k and v in qkv, and of out. */
function places({ heads, headDim }: PathAttentionSize): Record<"q" | "k" | "v" | "out", Place> {
  const stride = heads * headDim;
  const part = (index: number) => ({ offset: index * stride, stride: 3 * stride });
  return { q: part(0), k: part(1), v: part(2), out: { offset: 0, stride } };
}

/** What `pathAttention` keeps for its gradient; `pathAttentionSaved` has the lengths. */
export interface PathAttentionSaved {
  /** Sums of the keys over the tokens, batch x heads x headDim, with headDim padded by zeros to a multiple of four. */
  readonly keyTotals: BufferLike;
  /** Means of the values with each coordinate of the keys as weights: batch x heads x headDim x headDim, padded likewise. */
  readonly valueMeans: BufferLike;
  /** 1 / dot(q, sum of the keys), or zero: batch x tokens x heads. */
  readonly inverseNorms: BufferLike;
}

/** Operands of `pathAttention`. */
export interface PathAttentionBuffers extends PathAttentionSaved {
  /** batch x tokens x 3 x heads x headDim: q, k and v of a token one after the other. */
  readonly qkv: BufferLike;
  /** batch x tokens x heads x headDim. */
  readonly out: BufferLike;
}

/** Operands of `pathAttentionGrad`. */
export interface PathAttentionGradBuffers extends PathAttentionSaved {
  /** As for `pathAttention`. */
  readonly qkv: BufferLike;
  /** Upstream gradient, batch x tokens x heads x headDim. */
  readonly dOut: BufferLike;
  /** Shaped as qkv. */
  readonly dQkv: BufferLike;
}

/** Elements of the buffers that path attention keeps for its gradient. */
export function pathAttentionSaved({ batch, tokens, heads, headDim }: PathAttentionSize): {
  readonly [Name in keyof PathAttentionSaved]: number;
} {
  const padded = 4 * Math.ceil(headDim / 4);
  return {
    keyTotals: batch * heads * padded,
    valueMeans: batch * heads * padded ** 2,
    inverseNorms: batch * tokens * heads,
  };
}

/**
 * out[i] = sum_j (q[i] . k[j]) v[j] / sum_j (q[i] . k[j]) for each head, or zero where the divisor is zero: attention in a network whose activations are
 * all >= 0, where the path product of query and key takes the place of softmax. f32; 4 tokens headDim^2 operations a head, as sums over keys are
 * formed before queries meet them. All weights in between are shares of at most one, so that divisors from 1e-30 to 1e30 do no harm.
 * @throws ShapeError when a buffer is too short.
 */
export function pathAttention(gpu: Gpu, buffers: PathAttentionBuffers, size: PathAttentionSize): void {
  const { qkv, out, ...saved } = buffers;
  const length = lengthOf("pathAttention", size);
  requireElements(
    "pathAttention",
    { qkv, out, ...saved },
    { qkv: 3 * length, out: length, ...pathAttentionSaved(size) },
  );
  const { q, v, out: result } = places(size);
  totalKeys(gpu, buffers, size);
  invertNorms(gpu, buffers, size);
  sumOverTokens(gpu, "keys", { ...buffers, x: qkv, sums: saved.valueMeans }, v, size);
  applySums(gpu, "queries", { ...saved, x: qkv, sums: saved.valueMeans, y: out }, { x: q, y: result }, size);
}

/**
 * Gradient of `pathAttention` by qkv from what it kept, with the sum that divides held fixed. For each head and image the sums over tokens and
 * elements of q dq, k dk, v dv and out dOut are then equal: what flows in flows out. 8 tokens headDim^2 operations a head; sums have a fixed order.
 * @throws ShapeError when a buffer is too short.
 */
export function pathAttentionGrad(gpu: Gpu, buffers: PathAttentionGradBuffers, size: PathAttentionSize): void {
  const { qkv, dOut, dQkv, ...saved } = buffers;
  const length = lengthOf("pathAttentionGrad", size);
  const lengths = { qkv: 3 * length, dOut: length, dQkv: 3 * length, ...pathAttentionSaved(size) };
  requireElements("pathAttentionGrad", { qkv, dOut, dQkv, ...saved }, lengths);
  using _temporaries = gpu.scope();
  const dMeans = gpu.allocate(4 * lengths.valueMeans);
  const { q, k, v, out } = places(size);
  sumOverTokens(gpu, "queries", { ...buffers, x: dOut, sums: dMeans }, out, size);
  applySums(gpu, "keys", { ...saved, x: qkv, sums: dMeans, y: dQkv }, { x: k, y: v }, size);
  applySums(gpu, "keys", { ...saved, x: qkv, sums: dMeans, y: dQkv }, { x: v, y: k }, size, true);
  applySums(gpu, "queries", { ...saved, x: dOut, sums: saved.valueMeans, y: dQkv }, { x: out, y: q }, size, true);
}

type Side = "queries" | "keys";
type Shared = PathAttentionSaved & { readonly qkv: BufferLike };

/** Tokens of an invocation that applies sums. */
const TOKENS = constantNumber(shaders.path_attention_apply, "TOKENS");

/** Elements of out. @throws ShapeError for a size that is no positive integer. */
function lengthOf(op: string, { batch, tokens, heads, headDim }: PathAttentionSize): number {
  requireSizes(op, { batch, tokens, heads, headDim });
  return batch * tokens * heads * headDim;
}

const quadsOf = ({ headDim }: PathAttentionSize) => Math.ceil(headDim / 4);

/** Grid, common parameters and constants of kernels with `count` invocations. */
function planOf(gpu: Gpu, count: number, { tokens, heads, headDim }: PathAttentionSize) {
  const GROUP = gpu.info.software ? 8 : 64;
  return {
    groups: Math.ceil(count / GROUP),
    params: { count, tokens, heads, head_dim: headDim },
    constants: { GROUP, ...valueConstants(shaders.path_attention_sums, loadWidth(headDim)) },
  };
}

function totalKeys(gpu: Gpu, { qkv, keyTotals }: Shared, size: PathAttentionSize): void {
  const plan = planOf(gpu, size.batch * size.heads * quadsOf(size), size);
  gpu.dispatch(shaders.path_attention_totals, { ...plan, buffers: { k: qkv, key_totals: keyTotals } });
}

function invertNorms(gpu: Gpu, { qkv, keyTotals, inverseNorms }: Shared, size: PathAttentionSize): void {
  const plan = planOf(gpu, size.batch * size.tokens * size.heads, size);
  const buffers = { q: qkv, key_totals: keyTotals, inverse_norms: inverseNorms };
  gpu.dispatch(shaders.path_attention_norms, { ...plan, buffers });
}

/** sums = shares^T x. */
function sumOverTokens(
  gpu: Gpu,
  side: Side,
  { qkv, keyTotals, inverseNorms, x, sums }: Shared & { readonly x: BufferLike; readonly sums: BufferLike },
  { offset, stride }: Place,
  size: PathAttentionSize,
): void {
  const { q, k } = places(size);
  const own = side === "keys" ? k : q;
  const { params, constants, groups } = planOf(gpu, size.batch * size.heads * quadsOf(size) ** 2, size);
  gpu.dispatch(shaders.path_attention_sums, {
    buffers: { qk: qkv, x, key_totals: keyTotals, inverse_norms: inverseNorms, sums },
    params: { ...params, qk_offset: own.offset, qk_stride: own.stride, x_offset: offset, x_stride: stride },
    constants: { ...constants, OF_KEYS: side === "keys" },
    groups,
  });
}

/** y = shares of x times sums; as a gradient, x times the transposed sums with the factors of the shares. */
function applySums(
  gpu: Gpu,
  side: Side,
  { keyTotals, inverseNorms, x, sums, y }: PathAttentionSaved & Readonly<Record<"x" | "sums" | "y", BufferLike>>,
  places: { readonly x: Place; readonly y: Place },
  size: PathAttentionSize,
  gradient = false,
): void {
  const count = size.batch * size.heads * Math.ceil(size.tokens / TOKENS) * quadsOf(size);
  const { params, constants, groups } = planOf(gpu, count, size);
  gpu.dispatch(shaders.path_attention_apply, {
    buffers: { x, sums, key_totals: keyTotals, inverse_norms: inverseNorms, y },
    params: {
      ...params,
      x_offset: places.x.offset,
      x_stride: places.x.stride,
      y_offset: places.y.offset,
      y_stride: places.y.stride,
    },
    constants: { ...constants, OF_KEYS: side === "keys", GRADIENT: gradient },
    groups,
  });
}

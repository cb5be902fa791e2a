import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, type StorageOptions, valueConstants } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { reduce } from "./reduce.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Extents of patches and tokens. */
export interface AssembleSize {
  readonly batch: number;
  /** Tokens made from patches. */
  readonly tokens: number;
  /** Learned tokens before them: 1 for a class token, 2 with a distillation token, or 0. */
  readonly prefixTokens: number;
  readonly width: number;
}

/**
 * out[b] = concat(prefix, patches[b]) + position. patches: batch x tokens x width; prefix: prefixTokens x width, left out when there is none;
 * position: (prefixTokens + tokens) x width; out: batch x (prefixTokens + tokens) x width.
 * `storage` is that of patches and out.
 * @throws ShapeError when a buffer is missing or too short.
 */
export function assembleTokens(
  gpu: Gpu,
  {
    patches,
    prefix,
    position,
    out,
  }: { patches: BufferLike; prefix?: BufferLike; position: BufferLike; out: BufferLike },
  { batch, tokens, prefixTokens, width }: AssembleSize,
  { storage }: StorageOptions = {},
): void {
  const each = (prefixTokens + tokens) * width;
  requireSizes("assembleTokens", { batch, tokens, width });
  requireElements("assembleTokens", { patches, out }, { patches: batch * tokens * width, out: batch * each }, storage);
  requireElements("assembleTokens", { position }, { position: each });
  if (prefixTokens > 0) requirePrefix("assembleTokens", prefix, prefixTokens * width);
  const call = {
    buffers: { patches, prefix: prefixTokens > 0 ? prefix! : position, position, out },
    constants: { TOKENS: tokens, PREFIX_TOKENS: prefixTokens, ACROSS: width },
    inFours: width % 4 === 0,
    storage,
  };
  dispatchElementwise(gpu, shaders.assemble_tokens, call, batch * each);
}

/**
 * Gradients of `assembleTokens`, with the shapes of its operands; those of prefix and position are sums over the batch in a fixed order.
 * @throws ShapeError when a buffer is missing or too short.
 */
export function assembleTokensGrad(
  gpu: Gpu,
  {
    dOut,
    dPatches,
    dPrefix,
    dPosition,
  }: { dOut: BufferLike; dPatches: BufferLike; dPrefix?: BufferLike; dPosition: BufferLike },
  { batch, tokens, prefixTokens, width }: AssembleSize,
): void {
  const all = prefixTokens + tokens;
  const lengths = { dOut: batch * all * width, dPatches: batch * tokens * width, dPosition: all * width };
  requireSizes("assembleTokensGrad", { batch, tokens, width });
  requireElements("assembleTokensGrad", { dOut, dPatches, dPosition }, lengths);
  sliceTokens(gpu, dOut, dPatches, { batch, tokens: all, width }, prefixTokens, tokens);
  reduce(gpu, "sum", { x: dOut, y: dPosition }, { outer: batch, length: all * width, inner: 1 });
  if (prefixTokens > 0) {
    requirePrefix("assembleTokensGrad", dPrefix, prefixTokens * width);
    gpu.copy(bufferOf(dPosition), bufferOf(dPrefix!), 4 * prefixTokens * width);
  }
}

function requirePrefix(op: string, prefix: BufferLike | undefined, length: number): void {
  if (!prefix) throw new ShapeError(`${op}: expected a buffer of ${length} elements for the prefix tokens, got none`);
  requireElements(op, { prefix }, { prefix: length });
}

/** Extents of a batch of tokens. */
export interface TokenSize {
  readonly batch: number;
  readonly tokens: number;
  readonly width: number;
}

/** y[b] = x[b, first ... first + kept - 1]. */
function sliceTokens(
  gpu: Gpu,
  x: BufferLike,
  y: BufferLike,
  { batch, tokens, width }: TokenSize,
  first: number,
  kept: number,
): void {
  const call = {
    buffers: { x, y },
    params: { tokens, width, first_token: first, kept },
    inFours: width % 4 === 0,
  };
  dispatchElementwise(gpu, shaders.slice_tokens, call, batch * kept * width);
}

/** Tokens `from` to `to`, the last one not included. */
export interface TokenRange extends TokenSize {
  readonly from: number;
  readonly to: number;
}

function requireRange(op: string, { tokens, from, to }: TokenRange): void {
  if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from < to && to <= tokens)) {
    throw new ShapeError(`${op}: expected a range within ${tokens} tokens, got ${from} to ${to}`);
  }
}

/**
 * y[b] = mean of x[b, t] over from <= t < to. x: batch x tokens x width; y: batch x width.
 * @throws ShapeError when the range is empty or outside of the tokens, or a buffer is too short.
 */
export function meanTokens(
  gpu: Gpu,
  buffers: { x: BufferLike; y: BufferLike },
  size: TokenRange,
  { storage }: StorageOptions = {},
): void {
  const { batch, tokens, width, from, to } = size;
  requireRange("meanTokens", size);
  requireSizes("meanTokens", { batch, tokens, width });
  requireElements("meanTokens", buffers, { x: batch * tokens * width, y: batch * width }, storage);
  const load = loadWidth(width);
  const count = (batch * width) / load;
  gpu.dispatch(shaders.mean_tokens, {
    buffers,
    params: { count, tokens, width: width / load, first_token: from, end_token: to },
    constants: valueConstants(shaders.mean_tokens, load, storage),
    groups: Math.ceil(count / 64),
  });
}

/**
 * Gradient of `meanTokens`: dx[b, t] = dy[b] / (to - from) inside of the range, zero elsewhere.
 * @throws ShapeError when the range is empty or outside of the tokens, or a buffer is too short.
 */
export function meanTokensGrad(gpu: Gpu, buffers: { dy: BufferLike; dx: BufferLike }, size: TokenRange): void {
  const { batch, tokens, width, from, to } = size;
  requireRange("meanTokensGrad", size);
  requireSizes("meanTokensGrad", { batch, tokens, width });
  requireElements("meanTokensGrad", buffers, { dy: batch * width, dx: batch * tokens * width });
  const call = {
    buffers,
    params: { tokens, width, first_token: from, end_token: to },
    inFours: width % 4 === 0,
  };
  dispatchElementwise(gpu, shaders.mean_tokens_grad, call, batch * tokens * width);
}

/**
 * y[b] = x[b, token]. x: batch x tokens x width; y: batch x width.
 * @throws ShapeError when the token is not there, or a buffer is too short.
 */
export function takeToken(
  gpu: Gpu,
  buffers: { x: BufferLike; y: BufferLike },
  { token, ...size }: TokenSize & { readonly token: number },
  options: StorageOptions = {},
): void {
  meanTokens(gpu, buffers, { ...size, from: token, to: token + 1 }, options);
}

/**
 * Gradient of `takeToken`: dx[b, token] = dy[b], zero elsewhere.
 * @throws ShapeError when the token is not there, or a buffer is too short.
 */
export function takeTokenGrad(
  gpu: Gpu,
  buffers: { dy: BufferLike; dx: BufferLike },
  { token, ...size }: TokenSize & { readonly token: number },
): void {
  meanTokensGrad(gpu, buffers, { ...size, from: token, to: token + 1 });
}

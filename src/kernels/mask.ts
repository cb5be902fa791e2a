import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import type { UnitPlacement } from "./units.js";

export { packBits, unpackBits } from "./bits.js";

const COUNT_GROUP = constantNumber(shaders.count_kept, "GROUP") * constantNumber(shaders.count_kept, "WORDS");

/** Bytes of a mask over `length` elements: one bit each, in whole 32-bit words. */
export const maskByteLength = (length: number): number => Math.ceil(length / 32) * 4;

function checkMask(op: string, mask: BufferLike, length: number): void {
  const { byteLength } = bufferOf(mask);
  if (byteLength < maskByteLength(length)) {
    const got = `${byteLength} bytes`;
    throw new ShapeError(
      `${op}: expected a mask of ${maskByteLength(length)} bytes for ${length} elements, got ${got}`,
    );
  }
}

/**
 * Repeats keep bits of units over the elements of a tensor: bit i of `mask` = bit `offset + u` of `units` for the unit u of element i.
 * Writes every word of the mask's first `length` bits; padding bits become 0. With `intersect`, bits of the mask that are 0 stay 0.
 * @throws ShapeError when a buffer is too short.
 */
export function expandMask(
  gpu: Gpu,
  { units, mask }: { units: BufferLike; mask: BufferLike },
  {
    length,
    inner,
    period,
    band = length,
    offset = 0,
    intersect = false,
  }: UnitPlacement & { readonly intersect?: boolean },
): void {
  requireSizes("expandMask", { length, inner, period, band });
  checkMask("expandMask", mask, length);
  const reached = Math.floor((length - 1) / band) * period + Math.min(period, Math.ceil(length / inner));
  checkMask("expandMask: units", units, offset + reached);
  if (inner === 1 && period >= length && band === length && !intersect && length % 32 === 0 && offset % 32 === 0) {
    gpu.copy(bufferOf(units), bufferOf(mask), length / 8, offset / 8); // a unit an element: the words as they are
    return;
  }
  const params = { length, inner, period, band, offset };
  const call = { buffers: { units, mask }, params, constants: { INTERSECT: intersect }, inFours: false };
  dispatchElementwise(gpu, shaders.expand_mask, call, Math.ceil(length / 32));
}

/** y = x where the mask has a 1, else 0. Applied to a gradient it is its own gradient. `x`, `y`: `length` f32. @throws ShapeError when a buffer is too short. */
export function applyMask(
  gpu: Gpu,
  { x, mask, y }: { x: BufferLike; mask: BufferLike; y: BufferLike },
  { length }: { length: number },
): void {
  requireSizes("applyMask", { length });
  checkMask("applyMask", mask, length);
  requireElements("applyMask", { x, y }, { x: length, y: length });
  dispatchElementwise(gpu, shaders.apply_mask, { buffers: { x, mask, y } }, length);
}

/** Writes the number of ones among the first `length` bits of `mask` into word `index` of the u32 buffer `count`. @throws ShapeError when a buffer is too short. */
export function countKept(
  gpu: Gpu,
  { mask, count }: { mask: BufferLike; count: BufferLike },
  { length, index = 0 }: { length: number; index?: number },
): void {
  requireSizes("countKept", { length });
  checkMask("countKept", mask, length);
  requireElements("countKept", { count }, { count: index + 1 });
  gpu.clear(bufferOf(count).view(index * 4, 4));
  gpu.dispatch(shaders.count_kept, {
    buffers: { mask, count },
    params: { length, index },
    groups: Math.ceil(Math.ceil(length / 32) / COUNT_GROUP),
  });
}

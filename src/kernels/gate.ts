import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { periodic, type UnitSize } from "./periodic.js";
import { reduceTerms } from "./reduce.js";

/**
 * y[i] = x[i] * g[(i / inner) % period]: one gate a unit. Its gradient by x is `gate` of dy.
 * @throws ShapeError when a buffer is too short.
 */
export function gate(gpu: Gpu, buffers: { x: BufferLike; g: BufferLike; y: BufferLike }, size: UnitSize): void {
  periodic(gpu, "gate", buffers, size, false);
}

/**
 * dg[j] = sum of x[i] * dy[i] over the elements i of unit j, in a fixed order.
 * @throws ShapeError when a buffer is too short, or `length` is no multiple of inner * period.
 */
export function gateGradient(
  gpu: Gpu,
  { x, dy, dg }: { x: BufferLike; dy: BufferLike; dg: BufferLike },
  { length, inner, period }: UnitSize,
): void {
  requireElements("gateGradient", { x, dy, dg }, { x: length, dy: length, dg: period });
  const outer = length / (inner * period);
  if (!Number.isInteger(outer)) {
    throw new ShapeError(`gateGradient: expected a length in steps of ${inner * period}, got ${length}`);
  }
  reduceTerms(gpu, { x, w: dy, y: dg }, { outer, length: period, inner }, { product: true });
}

import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { periodic } from "./periodic.js";
import { reduceTerms } from "./reduce.js";
import { requireWholeUnits, type UnitLayout } from "./units.js";

/**
 * y[i] = x[i] * g[(i / inner) % period]: one gate a unit. Its gradient by x is `gate` of dy.
 * @throws ShapeError when a buffer is too short.
 */
export function gate(gpu: Gpu, buffers: { x: BufferLike; g: BufferLike; y: BufferLike }, layout: UnitLayout): void {
  periodic(gpu, "gate", buffers, layout, false);
}

/**
 * dg[j] = sum of x[i] * dy[i] over the elements i of unit j, in a fixed order.
 * @throws ShapeError when a buffer is too short, or `length` is no multiple of inner * period.
 */
export function gateGradient(
  gpu: Gpu,
  { x, dy, dg }: { x: BufferLike; dy: BufferLike; dg: BufferLike },
  layout: UnitLayout,
): void {
  const { length, inner, period } = layout;
  requireWholeUnits("gateGradient", layout);
  requireElements("gateGradient", { x, dy, dg }, { x: length, dy: length, dg: period });
  reduceTerms(gpu, { x, w: dy, y: dg }, { outer: length / (inner * period), length: period, inner }, { product: true });
}

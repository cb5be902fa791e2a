import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements, type StorageOptions } from "./elements.js";
import { mapUnits } from "./map-units.js";
import { periodic } from "./periodic.js";
import { requireSizes } from "./require.js";
import type { UnitLayout } from "./units.js";

/**
 * y[i] = x[i] * g[(i / inner) % period]: one gate a unit; `storage` is that of x and y. Its gradient by x is `gate` of dy.
 * @throws ShapeError when a buffer is too short.
 */
export function gate(
  gpu: Gpu,
  buffers: { x: BufferLike; g: BufferLike; y: BufferLike },
  layout: UnitLayout,
  options: StorageOptions = {},
): void {
  periodic(gpu, "gate", buffers, layout, false, options);
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
  requireSizes("gateGradient", { length, inner, period });
  requireElements("gateGradient", { x, dy, dg }, { x: length, dy: length, dg: period });
  mapUnits(gpu, "x * dy", { x: { buffer: x }, dy: { buffer: dy } }, { y: dg, length, inner, period });
}

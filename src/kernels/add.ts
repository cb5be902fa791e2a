import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements, type StorageOptions } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { periodic } from "./periodic.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import type { UnitLayout } from "./units.js";

/**
 * y = a + b, element by element.
 * @throws ShapeError when a buffer holds fewer than `length` elements.
 */
export function add(
  gpu: Gpu,
  buffers: { a: BufferLike; b: BufferLike; y: BufferLike },
  { length }: { length: number },
  { storage }: StorageOptions = {},
): void {
  requireSizes("add", { length });
  requireElements("add", buffers, { a: length, b: length, y: length }, storage);
  dispatchElementwise(gpu, shaders.add, { buffers, storage }, length);
}

/**
 * y[i] = a[i] + b[(i / inner) % period]: a bias over rows (inner 1, period columns), a position embedding over a batch, and the like.
 * @throws ShapeError when a buffer is too short.
 */
export function addPeriodic(
  gpu: Gpu,
  { a, b, y }: { a: BufferLike; b: BufferLike; y: BufferLike },
  layout: UnitLayout,
): void {
  periodic(gpu, "addPeriodic", { x: a, g: b, y }, layout, true);
}

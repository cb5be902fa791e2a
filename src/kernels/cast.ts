import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { type FloatStorage, requireElements, storageConstants } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/**
 * y = x in another storage. From f16 to f32 every value stays as it is; from f32 to f16 it is rounded, by at most 2^-11 of it, or 2^-25 below 2^-14,
 * and what is beyond 65,504 becomes infinite.
 * @throws ShapeError when a buffer holds fewer than `length` elements, KernelError for f16 on a device without `shader-f16`.
 */
export function cast(
  gpu: Gpu,
  { x, y }: { x: BufferLike; y: BufferLike },
  { length, from, to }: { length: number; from: FloatStorage; to: FloatStorage },
): void {
  requireSizes("cast", { length });
  requireElements("cast", { x }, { x: length }, from);
  requireElements("cast", { y }, { y: length }, to);
  const source = (width: 1 | 4) => storageConstants(shaders.cast, width, from, "Source");
  dispatchElementwise(gpu, shaders.cast, { buffers: { x, y }, constants: source, storage: to }, length);
}

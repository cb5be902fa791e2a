import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** y[i] = value for all `length` elements of y, f32. @throws ShapeError when y is too short. */
export function fill(gpu: Gpu, buffers: { y: BufferLike }, { length, value }: { length: number; value: number }): void {
  requireSizes("fill", { length });
  requireElements("fill", buffers, { y: length });
  dispatchElementwise(gpu, shaders.fill, { buffers, params: { value } }, length);
}

import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** y = x where the mask has a 1; other values of y stay. x, y: `length` f32; mask: one bit an element. @throws ShapeError when a buffer is too short. */
export function takeKept(
  gpu: Gpu,
  { x, mask, y }: { x: BufferLike; mask: BufferLike; y: BufferLike },
  { length }: { length: number },
): void {
  requireSizes("takeKept", { length });
  requireElements("takeKept", { x, y, mask }, { x: length, y: length, mask: Math.ceil(length / 32) });
  dispatchElementwise(gpu, shaders.take_kept, { buffers: { x, mask, y } }, length);
}

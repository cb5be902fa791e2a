import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import * as shaders from "./shaders.gen.js";

/** y = softmax of each row of x. Both are rows x columns, f32. */
export function softmax(
  gpu: Gpu,
  buffers: { x: BufferLike; y: BufferLike },
  size: { rows: number; columns: number },
): void {
  gpu.dispatch(shaders.softmax, { buffers, params: size, groups: size.rows });
}

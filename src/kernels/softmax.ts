import type { BufferOwner, Gpu, GpuBuffer } from "../gpu/index.js";
import * as shaders from "./shaders.gen.js";

/** y = softmax of each row of x. Both are rows x columns, f32. */
export function softmax(
  gpu: Gpu,
  buffers: { x: GpuBuffer | BufferOwner; y: GpuBuffer | BufferOwner },
  size: { rows: number; columns: number },
): void {
  gpu.dispatch(shaders.softmax, { buffers, params: size, groups: size.rows });
}

import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, quadConstants, requireElements, type StorageOptions } from "./elements.js";
import * as shaders from "./shaders.gen.js";

const GROUP = 64;

/**
 * out[z] = the transpose of x[z]. x: batch x rows x columns, f32 or, with `storage`, f16; out: batch x columns x rows, f32.
 * @throws ShapeError when a buffer is too short.
 */
export function transpose(
  gpu: Gpu,
  buffers: { x: BufferLike; out: BufferLike },
  { rows, columns, batch = 1 }: { rows: number; columns: number; batch?: number },
  options: StorageOptions = {},
): void {
  const elements = rows * columns * batch;
  requireElements("transpose", { x: buffers.x }, { x: elements }, options.storage);
  requireElements("transpose", { out: buffers.out }, { out: elements });
  gpu.dispatch(shaders.transpose, {
    buffers,
    params: { rows, columns, batches: batch },
    constants: { GROUP, ...quadConstants(loadWidth(columns), options) },
    groups: Math.ceil((Math.ceil(rows / 4) * Math.ceil(columns / 4) * batch) / GROUP),
  });
}

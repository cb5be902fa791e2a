import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, quadConstants, requireElements, type StorageOptions } from "./elements.js";
import * as shaders from "./shaders.gen.js";

const GROUP = 64;

/**
 * out[z] = the transpose of x[z]. x: batch x rows x columns; out: batch x columns x rows; `storage` is that of both.
 * @throws ShapeError when a buffer is too short.
 */
export function transpose(
  gpu: Gpu,
  buffers: { x: BufferLike; out: BufferLike },
  { rows, columns, batch = 1 }: { rows: number; columns: number; batch?: number },
  { storage = "f32" }: StorageOptions = {},
): void {
  const elements = rows * columns * batch;
  requireElements("transpose", buffers, { x: elements, out: elements }, storage);
  gpu.dispatch(shaders.transpose, {
    buffers,
    params: { rows, columns, batches: batch },
    constants: { GROUP, ...quadConstants(loadWidth(columns), { storage }), Element: storage },
    groups: Math.ceil((Math.ceil(rows / 4) * Math.ceil(columns / 4) * batch) / GROUP),
  });
}

import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { requireSizes } from "./require.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";

/**
 * y[r] = the lowest column at which row r of x is largest. x: rows x columns, f32, up to 2^24 columns; y: rows, u32.
 * @throws ShapeError when a buffer is too short.
 */
export function argmax(
  gpu: Gpu,
  buffers: { x: BufferLike; y: BufferLike },
  { rows, columns }: { rows: number; columns: number },
): void {
  requireSizes("argmax", { rows, columns });
  requireElements("argmax", buffers, { x: rows * columns, y: rows });
  gpu.dispatch(shaders.argmax, { buffers, params: { rows, columns }, ...rowLanes(gpu, rows) });
}

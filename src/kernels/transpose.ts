import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, quadConstants, requireElements, type StorageOptions, valueConstants } from "./elements.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Software drivers divide invocation by invocation to find a block's place: there each turns many, and lines of its cache are read whole. */
const SHAPES = { software: { GROUP: 8, RUN: 8, WIDE: 4 }, gpu: { GROUP: 64, RUN: 1, WIDE: 1 } };

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
  requireSizes("transpose", { rows, columns, batch });
  requireElements("transpose", buffers, { x: elements, out: elements }, storage);
  const shape = SHAPES[gpu.info.software ? "software" : "gpu"];
  gpu.dispatch(shaders.transpose, {
    buffers,
    params: { rows, columns, batches: batch },
    constants: {
      ...shape,
      ...quadConstants(loadWidth(columns), { storage }),
      ...valueConstants(shaders.transpose, loadWidth(rows), storage),
    },
    groups: Math.ceil(rows / (4 * shape.GROUP * shape.RUN)) * Math.ceil(columns / (4 * shape.WIDE)) * batch,
  });
}

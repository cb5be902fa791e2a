import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements, type StorageOptions } from "./elements.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Software drivers run a subgroup as one vector, and workgroups are dear there. */
const grid = (gpu: Gpu) => (gpu.info.software ? { GROUP: 8, ROWS: 64 } : { GROUP: 64, ROWS: 8 });

/**
 * y[r, c] = x[r, source[c]], or 0 where `source[c]` is `NONE`: takes columns out of rows, or spreads them over wider ones. x: rows x from,
 * y: rows x to; source: to (u32). @throws ShapeError when a buffer is too short.
 */
export function placeColumns(
  gpu: Gpu,
  { x, source, y }: { x: BufferLike; source: BufferLike; y: BufferLike },
  { rows, from, to }: { rows: number; from: number; to: number },
  { storage = "f32" }: StorageOptions = {},
): void {
  requireSizes("placeColumns", { rows, from, to });
  requireElements("placeColumns", { x, y }, { x: rows * from, y: rows * to }, storage);
  requireElements("placeColumns", { source }, { source: to });
  const constants = { ...grid(gpu), Stored: storage };
  gpu.dispatch(shaders.place_columns, {
    buffers: { x, source, y },
    params: { rows, x_columns: from, y_columns: to },
    constants,
    groups: Math.ceil(rows / constants.ROWS),
  });
}

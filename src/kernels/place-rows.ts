import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements, type StorageOptions } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/**
 * y[r] = x[source[r]], or zero where source[r] is `NONE`. x: rows of `width` elements; source: one u32 a row of y, which is not checked; y:
 * rows x width. With the rows of `keepTokens` it takes tokens, with its places it is the gradient of that.
 * @throws ShapeError when source or y is too short.
 */
export function placeRows(
  gpu: Gpu,
  { x, source, y }: { x: BufferLike; source: BufferLike; y: BufferLike },
  { rows, width }: { rows: number; width: number },
  { storage }: StorageOptions = {},
): void {
  requireSizes("placeRows", { rows, width });
  requireElements("placeRows", { source }, { source: rows });
  requireElements("placeRows", { y }, { y: rows * width }, storage);
  const call = { buffers: { x, source, y }, params: { width }, inFours: width % 4 === 0, storage };
  dispatchElementwise(gpu, shaders.place_rows, call, rows * width);
}

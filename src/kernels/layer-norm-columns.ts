/** Layer norm of rows of which the next layer reads some columns. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, type StorageOptions, valueConstants } from "./elements.js";
import type { LayerNormBuffers, NormSize } from "./layer-norm.js";
import { requireSizes } from "./require.js";
import { sharingLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";

/** Operands of `layerNormColumns`: those of `layerNorm`, and which columns it writes. */
export interface LayerNormColumnsBuffers extends LayerNormBuffers {
  /** kept (u32): for each column of y that of x. */
  readonly source: BufferLike;
}

/**
 * The columns `source` of what `layerNorm` gives: y[r, j] = (x[r, c] - mean[r]) * rstd[r] * weight[c] + bias[c] with c = source[j], which is not checked;
 * y: rows x kept. Mean and rstd are those over all of x. `storage` is that of x and y.
 * @throws ShapeError when a buffer is too short.
 */
export function layerNormColumns(
  gpu: Gpu,
  buffers: LayerNormColumnsBuffers,
  { rows, columns, kept, count = columns, epsilon }: NormSize & { readonly kept: number; readonly epsilon: number },
  { storage = "f32" }: StorageOptions = {},
): void {
  const { x, y, ...others } = buffers;
  requireSizes("layerNormColumns", { rows, columns, kept, count });
  requireElements("layerNormColumns", { x, y }, { x: rows * columns, y: rows * kept }, storage);
  const lengths = { weight: columns, bias: columns, source: kept, mean: rows, rstd: rows };
  requireElements("layerNormColumns", others, lengths);
  const width = loadWidth(columns);
  const { constants, groups } = sharingLanes(gpu, rows);
  gpu.dispatch(shaders.layer_norm_columns, {
    buffers: { ...buffers, elements: x },
    params: { rows, columns: columns / width, kept, count, epsilon },
    constants: { ...constants, ...valueConstants(shaders.layer_norm_columns, width, storage), Element: storage },
    groups,
  });
}

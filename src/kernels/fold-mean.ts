import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { requireSizes } from "./require.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";

/**
 * bias[r] += sum of weight[r, c] * mean[c] over the removed c: a layer's output keeps its mean over the calibration inputs when weights are removed,
 * or the units that feed them (Berisha et al. 2025 fold the mean activation of removed neurons into the next layer's bias). weight: [rows, columns]
 * f32; mask: one bit a weight, 1 = keep (`expandMask` makes it from the bits of units); mean: [columns], of the layer's inputs; bias: [rows]. 2 rows
 * columns operations; the weight is read once.
 * @throws ShapeError when a buffer is too short.
 */
export function foldRemovedMean(
  gpu: Gpu,
  { weight, mask, mean, bias }: { weight: BufferLike; mask: BufferLike; mean: BufferLike; bias: BufferLike },
  { rows, columns }: { rows: number; columns: number },
): void {
  const length = rows * columns;
  const lengths = { weight: length, mask: Math.ceil(length / 32), mean: columns, bias: rows };
  requireSizes("foldRemovedMean", { rows, columns });
  requireElements("foldRemovedMean", { weight, mask, mean, bias }, lengths);
  const width = loadWidth(columns);
  const { constants, groups } = rowLanes(gpu, rows);
  gpu.dispatch(shaders.fold_mean, {
    buffers: { weight, mask, mean, bias },
    params: { rows, columns: columns / width },
    constants: { ...constants, ...valueConstants(shaders.fold_mean, width) },
    groups,
  });
}

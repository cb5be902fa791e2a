/** Second derivatives of layer norm: how its result and its gradient follow when x, weight and bias move. */
import type { Gpu } from "../gpu/index.js";
import { add } from "./add.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { gateGradient } from "./gate.js";
import { type LayerNormBuffers, type LayerNormGradBuffers, layerNormInputGrad, type NormSize } from "./layer-norm.js";
import { requireSizes } from "./require.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";

/** Operands of `layerNormTangent`: those of `layerNorm`, and tangents. */
export interface LayerNormTangentBuffers extends Pick<LayerNormBuffers, "x" | "weight" | "mean" | "rstd"> {
  /** rows x columns. */
  readonly xTangent: BufferLike;
  /** columns. */
  readonly weightTangent: BufferLike;
  /** columns. */
  readonly biasTangent: BufferLike;
  /** rows x columns: receives the tangent of y. */
  readonly yTangent: BufferLike;
}

/**
 * yTangent = the derivative of `layerNorm` along (xTangent, weightTangent, biasTangent), with its mean and rstd; f32.
 * @throws ShapeError when a buffer is too short.
 */
export function layerNormTangent(
  gpu: Gpu,
  { x, weight, mean, rstd, xTangent, weightTangent, biasTangent, yTangent }: LayerNormTangentBuffers,
  size: NormSize,
): void {
  const { rows, columns, count = columns } = size;
  const length = rows * columns;
  requireSizes("layerNormTangent", { rows, columns, count });
  requireElements(
    "layerNormTangent",
    { x, weight, mean, rstd, xTangent, weightTangent, biasTangent, yTangent },
    {
      x: length,
      weight: columns,
      mean: rows,
      rstd: rows,
      xTangent: length,
      weightTangent: columns,
      biasTangent: columns,
      yTangent: length,
    },
  );
  const width = loadWidth(columns);
  const { constants, groups } = rowLanes(gpu, rows);
  gpu.dispatch(shaders.layer_norm_tangent, {
    buffers: {
      x,
      weight,
      mean,
      rstd,
      x_tangent: xTangent,
      weight_tangent: weightTangent,
      bias_tangent: biasTangent,
      y_tangent: yTangent,
    },
    params: { rows, columns: columns / width, count },
    constants: { ...constants, ...valueConstants(shaders.layer_norm_tangent, width) },
    groups,
  });
}

/** Operands of `layerNormGradTangent`: those of `layerNormGrad`, whose gradients become tangents of gradients; that by bias does not change. */
export interface LayerNormGradTangentBuffers extends Omit<LayerNormGradBuffers, "dBias"> {
  /** rows x columns. */
  readonly xTangent: BufferLike;
  /** columns; when left out the weight stays. */
  readonly weightTangent?: BufferLike;
}

/**
 * dx and dWeight = the derivative of what `layerNormGrad` gives along (xTangent, weightTangent), at an unchanged dy. Takes temporaries of up to twice
 * the size of x.
 * @throws ShapeError when a buffer is too short.
 */
export function layerNormGradTangent(
  gpu: Gpu,
  { x, weight, mean, rstd, dy, xTangent, weightTangent, dx, dWeight }: LayerNormGradTangentBuffers,
  size: NormSize,
): void {
  const { rows, columns, count = columns } = size;
  const length = rows * columns;
  requireSizes("layerNormGradTangent", { rows, columns, count });
  requireElements(
    "layerNormGradTangent",
    { x, weight, mean, rstd, dy, xTangent, dx, dWeight, weightTangent: weightTangent ?? weight },
    {
      x: length,
      weight: columns,
      mean: rows,
      rstd: rows,
      dy: length,
      xTangent: length,
      dx: length,
      dWeight: columns,
      weightTangent: columns,
    },
  );
  using _temporaries = gpu.scope();
  const normalizedTangent = gpu.allocate(4 * length);
  const ofX = weightTangent ? gpu.allocate(4 * length) : dx;
  const width = loadWidth(columns);
  const { constants, groups } = rowLanes(gpu, rows);
  gpu.dispatch(shaders.layer_norm_grad_tangent, {
    buffers: { x, weight, mean, rstd, dy, x_tangent: xTangent, dx: ofX, n_tangent: normalizedTangent },
    params: { rows, columns: columns / width, count },
    constants: { ...constants, ...valueConstants(shaders.layer_norm_grad_tangent, width) },
    groups,
  });
  gateGradient(gpu, { x: normalizedTangent, dy, dg: dWeight }, { length, inner: 1, period: columns });
  if (!weightTangent) return;
  // The gradient by x is linear in the weight.
  const ofWeight = normalizedTangent; // no longer needed
  layerNormInputGrad(gpu, { x, weight: weightTangent, mean, rstd, dy, dx: ofWeight }, size);
  add(gpu, { a: ofX, b: ofWeight, y: dx }, { length });
}

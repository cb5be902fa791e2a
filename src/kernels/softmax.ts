import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { requireSizes } from "./require.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";

/**
 * y = softmax of each row of x. Both are rows x columns, f32.
 * @throws ShapeError when a buffer is too short.
 */
export function softmax(
  gpu: Gpu,
  buffers: { x: BufferLike; y: BufferLike },
  { rows, columns }: { rows: number; columns: number },
): void {
  const length = rows * columns;
  requireSizes("softmax", { rows, columns });
  requireElements("softmax", buffers, { x: length, y: length });
  const width = loadWidth(columns);
  const { constants, groups } = rowLanes(gpu, rows);
  gpu.dispatch(shaders.softmax, {
    buffers,
    params: { rows, columns: columns / width },
    constants: { ...constants, ...valueConstants(shaders.softmax, width) },
    groups,
  });
}

/**
 * dx = y * (dy - sum of y * dy over the row), from softmax's result y. All are rows x columns, f32.
 * @throws ShapeError when a buffer is too short.
 */
export function softmaxGrad(
  gpu: Gpu,
  buffers: { y: BufferLike; dy: BufferLike; dx: BufferLike },
  { rows, columns }: { rows: number; columns: number },
): void {
  const length = rows * columns;
  requireSizes("softmaxGrad", { rows, columns });
  requireElements("softmaxGrad", buffers, { y: length, dy: length, dx: length });
  const width = loadWidth(columns);
  const { constants, groups } = rowLanes(gpu, rows);
  gpu.dispatch(shaders.softmax_grad, {
    buffers,
    params: { rows, columns: columns / width },
    constants: { ...constants, ...valueConstants(shaders.softmax_grad, width) },
    groups,
  });
}

/**
 * dx = yTangent * (dy - sum of y * dy) - y * sum of yTangent * dy over each row: how `softmaxGrad` follows y. All are rows x columns, f32. The tangent
 * of softmax itself is `softmaxGrad` with xTangent as dy, as its Jacobian is symmetric.
 * @throws ShapeError when a buffer is too short.
 */
export function softmaxGradTangent(
  gpu: Gpu,
  { y, yTangent, dy, dx }: { y: BufferLike; yTangent: BufferLike; dy: BufferLike; dx: BufferLike },
  { rows, columns }: { rows: number; columns: number },
): void {
  const length = rows * columns;
  const lengths = { y: length, yTangent: length, dy: length, dx: length };
  requireSizes("softmaxGradTangent", { rows, columns });
  requireElements("softmaxGradTangent", { y, yTangent, dy, dx }, lengths);
  const width = loadWidth(columns);
  const { constants, groups } = rowLanes(gpu, rows);
  gpu.dispatch(shaders.softmax_grad_tangent, {
    buffers: { y, y_tangent: yTangent, dy, dx },
    params: { rows, columns: columns / width },
    constants: { ...constants, ...valueConstants(shaders.softmax_grad_tangent, width) },
    groups,
  });
}

import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { elementwiseGroups, loadWidth, requireElements, scalarOrVector } from "./elements.js";
import { periodic, type UnitSize } from "./periodic.js";
import * as shaders from "./shaders.gen.js";

/**
 * y = a + b, element by element, f32.
 * @throws ShapeError when a buffer holds fewer than `length` elements.
 */
export function add(
  gpu: Gpu,
  buffers: { a: BufferLike; b: BufferLike; y: BufferLike },
  { length }: { length: number },
): void {
  requireElements("add", buffers, { a: length, b: length, y: length });
  const width = loadWidth(length);
  const count = length / width;
  gpu.dispatch(shaders.add, {
    buffers,
    params: { count },
    constants: scalarOrVector(width),
    groups: elementwiseGroups(count),
  });
}

/**
 * y[i] = a[i] + b[(i / inner) % period]: a bias over rows (inner 1, period columns), a position embedding over a batch, and the like.
 * @throws ShapeError when a buffer is too short.
 */
export function addPeriodic(
  gpu: Gpu,
  { a, b, y }: { a: BufferLike; b: BufferLike; y: BufferLike },
  size: UnitSize,
): void {
  periodic(gpu, "addPeriodic", { x: a, g: b, y }, size, true);
}

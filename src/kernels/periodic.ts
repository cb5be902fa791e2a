/** Operations of a tensor with one value a unit, where element i belongs to unit (i / inner) % period. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { elementwiseGroups, requireElements } from "./elements.js";
import * as shaders from "./shaders.gen.js";

/** `length` elements; element i belongs to unit `floor(i / inner) % period`. */
export interface UnitSize {
  readonly length: number;
  readonly inner: number;
  readonly period: number;
}

/** Four elements at once when they share a unit, or have four units in a row. */
function vectorize({ length, inner, period }: UnitSize) {
  if (length % 4 === 0 && inner % 4 === 0) {
    return { constants: { Value: "vec4f", Unit: "f32" }, params: { count: length / 4, inner: inner / 4, period } };
  }
  if (length % 4 === 0 && inner === 1 && period % 4 === 0) {
    return { constants: { Value: "vec4f", Unit: "vec4f" }, params: { count: length / 4, inner, period: period / 4 } };
  }
  return { constants: {}, params: { count: length, inner, period } };
}

/** y[i] = x[i] * g[unit of i], or x[i] + g[unit of i]. */
export function periodic(
  gpu: Gpu,
  op: string,
  buffers: { x: BufferLike; g: BufferLike; y: BufferLike },
  size: UnitSize,
  add: boolean,
): void {
  requireElements(op, buffers, {
    x: size.length,
    g: Math.min(size.period, Math.ceil(size.length / size.inner)),
    y: size.length,
  });
  const { constants, params } = vectorize(size);
  gpu.dispatch(shaders.periodic, {
    buffers,
    params,
    constants: { ...constants, ADD: add },
    groups: elementwiseGroups(params.count),
  });
}

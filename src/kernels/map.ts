/** Elementwise kernels from one WGSL expression, for formulas that have no kernel of their own. */
import { KernelError, ShapeError } from "../errors.js";
import type { Gpu, ShaderSource } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { elementwiseGroups, requireElements } from "./elements.js";
import { type InputLayout, mapShader } from "./map-shader.js";

/** An input of `map`: element i of y sees element (i / inner) % period of it; without `period`, element i. */
export interface MapInput {
  readonly buffer: BufferLike;
  readonly inner?: number;
  readonly period?: number;
}

interface Plan {
  readonly layout: InputLayout;
  readonly inner: number;
  readonly period: number;
}

/** How four neighbours of y find their values of one input: each its own, four in a row of it, all the same, or each anywhere. */
function plan({ inner = 1, period }: MapInput, length: number, width: number): Plan {
  if (period === undefined || (inner === 1 && period === length)) return { layout: "whole", inner: 1, period: length };
  if (inner % width === 0 || period === 1)
    return { layout: "shared", inner: period === 1 ? length : inner / width, period };
  if (inner === 1 && period % width === 0) return { layout: "row", inner, period: period / width };
  return { layout: "scattered", inner, period };
}

const names = (inputs: Readonly<Record<string, MapInput>>): string[] => Object.keys(inputs);

/**
 * y[i] = expression, an f32 expression in WGSL over the names of the inputs, such as `map(gpu, "abs(w) * n", { w: { buffer: weight },
 * n: { buffer: norms, period: 768 } }, { y, length })`. All buffers are f32; y must be none of the inputs. One kernel is compiled for each
 * expression and broadcast pattern, and kept.
 * @throws KernelError at once for names that are not inputs and for what is no expression, at the next await for what the device's compiler
 * refuses, with the column in the expression. @throws ShapeError when a buffer is too short.
 */
export function map(
  gpu: Gpu,
  expression: string,
  inputs: Readonly<Record<string, MapInput>>,
  { y, length }: { y: BufferLike; length: number },
): void {
  const most = gpu.limits.maxStorageBuffersPerShaderStage - 1;
  if (names(inputs).length > most) {
    throw new KernelError(
      `map: expected at most ${most} inputs on this device, got ${names(inputs).length}; use two steps`,
    );
  }
  requireElements("map", { y }, { y: length });
  const width = length % 4 === 0 ? 4 : 1;
  const layouts: Record<string, InputLayout> = {};
  const buffers: Record<string, BufferLike> = { map_y: y };
  const params: Record<string, number> = { count: length / width };
  for (const [name, input] of Object.entries(inputs)) {
    if (input.inner !== undefined && input.period === undefined) {
      throw new ShapeError(`map: expected a period for input ${name} with inner ${input.inner}, got none`);
    }
    const { layout, inner, period } = plan(input, length, width);
    const held = Math.min(input.period ?? length, length);
    requireElements("map", { [name]: input.buffer }, { [name]: held });
    layouts[name] = layout;
    buffers[`map_${name}`] = input.buffer;
    params[`${name}_inner`] = inner;
    params[`${name}_period`] = period;
  }
  const shader: ShaderSource = mapShader(expression, layouts, width);
  gpu.dispatch(shader, { buffers, params, groups: elementwiseGroups(params.count) });
}

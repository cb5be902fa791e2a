/** Elementwise kernels from one WGSL expression, for formulas that have no kernel of their own. */
import { KernelError, ShapeError } from "../errors.js";
import type { Gpu, ShaderSource } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { type InputLayout, mapShader } from "./map-shader.js";

/** An input of `map`: element i of y sees element (i / inner) % period of it; without `period`, element i. */
export interface MapInput {
  readonly buffer: BufferLike;
  readonly inner?: number;
  readonly period?: number;
}

/** How four neighbours of y find their elements of an input; undefined when they have to be taken singly. */
function layoutOf(inner: number, period: number, length: number): InputLayout | undefined {
  if (inner === 1 && period >= length) return "whole";
  if (inner % 4 === 0 || period === 1) return "shared";
  return inner === 1 && period % 4 === 0 ? "row" : undefined;
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
  const layouts: Record<string, InputLayout> = {};
  const buffers: Record<string, BufferLike> = { result: y };
  const params: Record<string, number> = {};
  let inFours = true;
  for (const [name, { buffer, inner = 1, period = length }] of Object.entries(inputs)) {
    if (inputs[name].inner !== undefined && inputs[name].period === undefined) {
      throw new ShapeError(`map: expected a period for input ${name} with inner ${inner}, got none`);
    }
    requireElements("map", { [name]: buffer }, { [name]: Math.min(period, length) });
    const layout = layoutOf(inner, period, length);
    layouts[name] = layout ?? "shared";
    inFours &&= layout !== undefined;
    buffers[`map_${name}`] = buffer;
    params[`${name}_inner`] = inner;
    params[`${name}_period`] = period;
  }
  const shader: ShaderSource = mapShader(expression, layouts);
  dispatchElementwise(gpu, shader, { buffers, params, inFours }, length);
}

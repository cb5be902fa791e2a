/** What the kernels that import shaders/shared/term.wgsl take of each element: the elements of a buffer, or an expression over several. */
import { KernelError, ShapeError } from "../errors.js";
import type { Gpu, ShaderSource } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { expressionKernel, type Operand, operandOf } from "./expression-kernel.js";
import type { ExpressionText } from "./map-expression.js";
import { requireSizes } from "./require.js";

/** An input of an expression: element i sees element (i / inner) % period of it; without `period`, element i. */
export interface MapInput {
  readonly buffer: BufferLike;
  readonly inner?: number;
  readonly period?: number;
}

/** Inputs by name. A number is a parameter of the kernel, which is compiled once for all of its values. */
export type MapInputs = Readonly<Record<string, MapInput | number>>;

/** The terms of a kernel, with the buffers and parameters that it needs for them. */
export interface Term {
  readonly buffers: Readonly<Record<string, BufferLike>>;
  readonly params: Readonly<Record<string, number>>;
  /** Whether four neighbours can be taken as one value. */
  readonly inFours: boolean;
  /** The kernel with these terms, for values of `width` elements. */
  readonly kernel: (skeleton: ShaderSource, width: 1 | 4) => ShaderSource;
}

/** The elements of x, which is what the kernels take as they are written. */
export const elementsOf = (x: BufferLike): Term => ({
  buffers: { x },
  params: {},
  inFours: true,
  kernel: (skeleton) => skeleton,
});

/**
 * The terms `expression` of `length` elements over named inputs; `inPlace` is the name for what y holds, in kernels that write where they read.
 * @throws KernelError for too many inputs or an ambiguous name; ShapeError when a buffer is too short.
 */
export function expressionTerm(
  gpu: Gpu,
  op: string,
  expression: ExpressionText,
  inputs: MapInputs,
  { length, inPlace }: { length: number; inPlace?: string },
): Term {
  const most = gpu.limits.maxStorageBuffersPerShaderStage - 1;
  const count = Object.values(inputs).filter((input) => typeof input !== "number").length;
  if (count > most) {
    throw new KernelError(`${op}: expected at most ${most} inputs on this device, got ${count}; use two steps`);
  }
  if (inPlace !== undefined && inPlace in inputs) {
    throw new KernelError(
      `${op}: expected a name of its own for what y holds, got that of an input, "${inPlace}"; rename it`,
    );
  }
  const buffers: Record<string, BufferLike> = {};
  const params: Record<string, number> = {};
  const operands: Operand[] = [];
  const numbers: string[] = [];
  let inFours = true;
  for (const [name, input] of Object.entries(inputs)) {
    if (typeof input === "number") {
      numbers.push(name);
      params[`map_${name}`] = input;
      continue;
    }
    const { buffer, inner = 1, period = length } = input;
    if (input.inner !== undefined && input.period === undefined) {
      throw new ShapeError(`${op}: expected a period for input ${name} with inner ${inner}, got none`);
    }
    requireSizes(`${op}: input ${name}`, { inner, period });
    requireElements(op, { [name]: buffer }, { [name]: Math.min(period, Math.ceil(length / inner)) });
    const operand = operandOf(name, inner, period, length);
    operands.push(operand);
    inFours &&= operand.single || (operand.divides ? inner % 4 === 0 : !operand.wraps || period % 4 === 0);
    buffers[`map_${name}`] = buffer;
    params[`${name}_inner`] = inner;
    params[`${name}_period`] = period;
  }
  const source = { expression, operands, numbers, inPlace };
  return { buffers, params, inFours, kernel: (skeleton, width) => expressionKernel(skeleton, source, width) };
}

import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { arenaWindow } from "./arena.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { type ExpressionText, wholeText } from "./map-expression.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import { expressionTerm, type MapInputs } from "./term.js";

export type { MapInput, MapInputs } from "./term.js";

/** Where `map` writes. */
export interface MapTarget {
  readonly y: BufferLike;
  readonly length: number;
  /** Element of y that element 0 of the result is written to; 0 by default. Multiples of four are fastest. */
  readonly offset?: number;
  /** Adds to what y holds, or takes the larger of both. */
  readonly accumulate?: boolean | "max";
  /** The name by which the expression sees what y holds at the element's place. */
  readonly inPlace?: string;
}

/**
 * y[offset + i] = expression, an f32 expression in WGSL over the names of the inputs, such as `map(gpu, "abs(w) * n", { w: { buffer: weight },
 * n: { buffer: norms, period: 768 } }, { y, length })`, or in place, `map(gpu, "sqrt(s)", {}, { y, length, inPlace: "s" })`. All buffers are f32;
 * none of the inputs may be y. Numbers among the inputs are f32 parameters. One kernel is compiled for each expression and broadcast pattern,
 * whatever the numbers are, and kept.
 * @throws KernelError at once for names that are not inputs and for what is no expression, at the next await for what the device's compiler
 * refuses, with the line and column in the expression. @throws ShapeError when a buffer is too short.
 */
export function map(
  gpu: Gpu,
  expression: ExpressionText,
  inputs: MapInputs,
  { y, length, offset = 0, accumulate = false, inPlace }: MapTarget,
): void {
  requireSizes("map", { length });
  const term = expressionTerm(gpu, "map", expression, inputs, { length, inPlace });
  requireElements("map", { y }, { y: offset + length });
  const source = accumulate ? undefined : copiedInput(expression, inputs);
  if (source) {
    gpu.copy(bufferOf(source), bufferOf(y), 4 * length, 0, 4 * offset);
    return;
  }
  const window = arenaWindow("map: y", y, { offset, count: length });
  const call = {
    buffers: { ...term.buffers, y: window.y },
    params: { ...term.params, offset: window.offset },
    constants: { ACCUMULATE: accumulate !== false, MAX: accumulate === "max" },
    inFours: term.inFours && window.offset % 4 === 0,
  };
  dispatchElementwise(gpu, (width) => term.kernel(shaders.map, width), call, length);
}

/** The input whose name is all of the expression, where each element sees its own value. */
function copiedInput(expression: ExpressionText, inputs: MapInputs): BufferLike | undefined {
  const text = wholeText(expression);
  const input = Object.hasOwn(inputs, text) ? inputs[text] : undefined;
  if (input === undefined || typeof input === "number") return undefined;
  return input.inner === undefined && input.period === undefined ? input.buffer : undefined;
}

/** What the kernels that import shaders/shared/term.wgsl take of each element: the elements of a buffer, or an expression over several. */
import { KernelError, ShapeError } from "../errors.js";
import type { Gpu, ShaderSource } from "../gpu/index.js";
import { describeWgsl } from "../gpu/wgsl.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import * as fragments from "./fragments.gen.js";
import { checkExpression, explainExpression } from "./map-expression.js";

/** An input of an expression: element i sees element (i / inner) % period of it; without `period`, element i. */
export interface MapInput {
  readonly buffer: BufferLike;
  readonly inner?: number;
  readonly period?: number;
}

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

/** How value i finds its operand: at unit (i / inner) % period, without the steps that change nothing. */
interface Operand {
  readonly name: string;
  /** The elements of a value have operands in a row, or share one. */
  readonly shared: boolean;
  readonly single: boolean;
  readonly divides: boolean;
  readonly wraps: boolean;
}

function operandOf(name: string, inner: number, period: number, length: number): Operand {
  const divides = inner > 1;
  const single = period === 1;
  return { name, shared: divides || single, single, divides, wraps: inner * period < length };
}

function place({ name, shared, single, divides, wraps }: Operand): string {
  if (single) return "0u";
  const unit = divides ? `i / (params.${name}_inner / WIDTH)` : "i";
  return wraps ? `${unit} % ${shared ? `params.${name}_period` : `(params.${name}_period / WIDTH)`}` : unit;
}

/**
 * The terms `expression` of `length` elements over named inputs; `own` is the name for what y holds, in kernels that write where they read.
 * @throws KernelError for what is no expression, too many inputs, or a name that is no input; ShapeError when a buffer is too short.
 */
export function expressionTerm(
  gpu: Gpu,
  op: string,
  expression: string,
  inputs: Readonly<Record<string, MapInput>>,
  { length, own }: { length: number; own?: string },
): Term {
  const most = gpu.limits.maxStorageBuffersPerShaderStage - 1;
  const count = Object.keys(inputs).length;
  if (count > most) {
    throw new KernelError(`${op}: expected at most ${most} inputs on this device, got ${count}; use two steps`);
  }
  const buffers: Record<string, BufferLike> = {};
  const params: Record<string, number> = {};
  const operands: Operand[] = [];
  let inFours = true;
  for (const [name, { buffer, inner = 1, period = length }] of Object.entries(inputs)) {
    if (inputs[name].inner !== undefined && inputs[name].period === undefined) {
      throw new ShapeError(`${op}: expected a period for input ${name} with inner ${inner}, got none`);
    }
    requireElements(op, { [name]: buffer }, { [name]: Math.min(period, Math.ceil(length / inner)) });
    const operand = operandOf(name, inner, period, length);
    operands.push(operand);
    inFours &&= operand.single || (operand.divides ? inner % 4 === 0 : !operand.wraps || period % 4 === 0);
    buffers[`map_${name}`] = buffer;
    params[`${name}_inner`] = inner;
    params[`${name}_period`] = period;
  }
  if (own !== undefined && own in inputs) {
    throw new KernelError(
      `${op}: expected a name of its own for y's values, got "${own}", which is an input; rename it`,
    );
  }
  const key = JSON.stringify([expression, operands, own]);
  const kernel = (skeleton: ShaderSource, width: 1 | 4) => {
    const name = `${skeleton.name} ${width} ${key}`;
    const known = kernels.get(name) ?? makeKernel(skeleton, expression, operands, width, own);
    kernels.set(name, known);
    return known;
  };
  return { buffers, params, inFours, kernel };
}

const kernels = new Map<string, ShaderSource>();

/** Puts the expression's fragment in the place of shaders/shared/term.wgsl. Its text begins on a line that its inputs do not move. */
function makeKernel(
  skeleton: ShaderSource,
  expression: string,
  operands: readonly Operand[],
  width: 1 | 4,
  own: string | undefined,
): ShaderSource {
  const names = operands.map(({ name }) => name);
  const scalars = own === undefined ? names : [...names, own];
  checkExpression(expression, scalars);
  const bindings = operands.map(
    ({ name, shared }, k) =>
      `@group(0) @binding(${k + 2}) var<storage, read> map_${name}: array<${shared ? "f32" : "Value"}>;`,
  );
  const loads = operands.map((operand) => `  let v_${operand.name} = map_${operand.name}[${place(operand)}];`);
  if (own !== undefined) loads.push(`  let v_${own} = y[params.offset / WIDTH + i];`);
  const shared = new Set(operands.filter((operand) => operand.shared).map(({ name }) => name));
  const element = (c: number) =>
    scalars.map((name) => (width === 1 || shared.has(name) ? `v_${name}` : `v_${name}[${c}]`)).join(", ");
  const values = Array.from({ length: width }, (_, c) => `mapped(${element(c)})`).join(", ");
  const before = `${bindings.join(" ")} fn mapped(${scalars.map((name) => `${name}: f32`).join(", ")}) -> f32 { return (`;
  const after = `); }\nfn term(i: u32) -> Value {\n${loads.join("\n")}\n  return Value(${values});\n}`;
  const fields = names.map((name) => `, ${name}_inner: u32, ${name}_period: u32`).join("");
  const [head, tail] = skeleton.code.split(fragments.term.trimEnd());
  const rest = tail.replace(/struct Params \{[^}]*(?= \})/, (declared) => declared + fields);
  const code = `${head}${before}\n${expression}\n${after}${rest}`;
  const line = head.split("\n").length + 1;
  return { ...describeWgsl(`${skeleton.name} ${expression}`, code), explain: explainExpression(expression, line) };
}

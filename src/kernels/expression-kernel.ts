/** The WGSL around an expression: a fragment that takes the place of shaders/shared/term.wgsl in a hand-written kernel. */
import type { ShaderSource } from "../gpu/index.js";
import { describeWgsl } from "../gpu/wgsl.js";
import { term as elementTerm } from "./fragments.gen.js";
import { checkExpression, type ExpressionText, explainExpression, wholeText } from "./map-expression.js";

/** How value i finds its operand, at unit (i / inner) % period, without the steps that change nothing. */
export interface Operand {
  readonly name: string;
  /** All elements have the same. */
  readonly single: boolean;
  readonly divides: boolean;
  readonly wraps: boolean;
}

export const operandOf = (name: string, inner: number, period: number, length: number): Operand => ({
  name,
  single: period === 1,
  divides: inner > 1,
  wraps: inner * period < length,
});

/** Whether the elements of a value share one operand; else they have operands in a row. */
const isShared = ({ single, divides }: Operand): boolean => single || divides;

function place({ name, single, divides, wraps }: Operand): string {
  if (single) return "0u";
  if (!divides) return wraps ? `i % (params.${name}_period / WIDTH)` : "i";
  const unit = `i / (params.${name}_inner / WIDTH)`;
  return wraps ? `${unit} % params.${name}_period` : unit;
}

/** An expression, its operands and numbers, and the name by which it sees what y holds, if it does. */
export interface ExpressionSource {
  readonly expression: ExpressionText;
  readonly operands: readonly Operand[];
  /** Names of the numbers, which are parameters: no kernel is compiled for another value. */
  readonly numbers: readonly string[];
  readonly inPlace?: string;
}

const kernels = new Map<string, ShaderSource>();

/** The kernel with the expression as its term, for values of `width` elements; made once. @throws KernelError as checkExpression. */
export function expressionKernel(skeleton: ShaderSource, source: ExpressionSource, width: 1 | 4): ShaderSource {
  const key = `${skeleton.name} ${width} ${JSON.stringify(source)}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    kernel = makeKernel(skeleton, source, width);
    kernels.set(key, kernel);
  }
  return kernel;
}

/** The expression begins on a line of its own, which its inputs do not move: labels, and so explanations, do not tell kernels apart by inputs. */
function makeKernel(skeleton: ShaderSource, source: ExpressionSource, width: 1 | 4): ShaderSource {
  const { operands, numbers, inPlace } = source;
  const expression = wholeText(source.expression);
  const names = operands.map(({ name }) => name);
  const scalars = [...names, ...numbers, ...(inPlace === undefined ? [] : [inPlace])];
  checkExpression(expression, scalars);

  const bindings = operands.map((operand, k) => {
    const element = isShared(operand) ? "f32" : "Value";
    return `@group(0) @binding(${k + 2}) var<storage, read> map_${operand.name}: array<${element}>; `;
  });
  const parameters = scalars.map((name) => `${name}: f32`).join(", ");
  const loads = operands.map((operand) => `  let v_${operand.name} = map_${operand.name}[${place(operand)}];\n`);
  for (const name of numbers) loads.push(`  let v_${name} = params.map_${name};\n`);
  if (inPlace !== undefined) loads.push(`  let v_${inPlace} = y[params.offset / WIDTH + i];\n`);
  const shared = new Set([...numbers, ...operands.filter(isShared).map(({ name }) => name)]);
  const argument = (name: string, c: number) => (width === 1 || shared.has(name) ? `v_${name}` : `v_${name}[${c}]`);
  const components = Array.from(
    { length: width },
    (_, c) => `mapped(${scalars.map((name) => argument(name, c)).join(", ")})`,
  );
  const fragment = `${bindings.join("")}fn mapped(${parameters}) -> f32 { return (
${expression}
); }
fn term(i: u32) -> Value {
${loads.join("")}  return Value(${components.join(", ")});
}`;

  const [before, after] = skeleton.code.split(elementTerm.trimEnd());
  const places = names.map((name) => `, ${name}_inner: u32, ${name}_period: u32`);
  const fields = [...places, ...numbers.map((name) => `, map_${name}: f32`)].join("");
  const code = `${before}${fragment}${after.replace(/struct Params \{[^}]*(?= \})/, (declared) => declared + fields)}`;
  const line = before.split("\n").length + 1;
  return {
    ...describeWgsl(`${skeleton.name} ${expression}`, code),
    explain: explainExpression(source.expression, line),
  };
}

/** The WGSL around an expression of `map`. */
import type { ShaderSource } from "../gpu/index.js";
import { checkExpression, explainExpression } from "./map-expression.js";
import { shared_elementwise } from "./shaders.gen.js";

/** Where four neighbours find an input: at their own places, in a row of units, or in one unit that they share. */
export type InputLayout = "whole" | "row" | "shared";

const shaders = new Map<string, ShaderSource>();

/** The kernel for an expression and the layouts of its inputs; made once. @throws KernelError as checkExpression. */
export function mapShader(expression: string, layouts: Readonly<Record<string, InputLayout>>): ShaderSource {
  const key = JSON.stringify([expression, layouts]);
  let shader = shaders.get(key);
  if (!shader) {
    shader = makeShader(expression, layouts);
    shaders.set(key, shader);
  }
  return shader;
}

function makeShader(expression: string, layouts: Readonly<Record<string, InputLayout>>): ShaderSource {
  const names = Object.keys(layouts);
  checkExpression(expression, names);
  const element = (name: string) => (layouts[name] === "shared" ? "f32" : "Value");
  const unit = (name: string) => `((i * WIDTH) / params.${name}_inner) % params.${name}_period`;
  const place: Record<InputLayout, (name: string) => string> = {
    whole: () => "i",
    row: (name) => `(i * WIDTH) % params.${name}_period / WIDTH`,
    shared: unit,
  };
  const component = (name: string) => (layouts[name] === "shared" ? `v_${name}` : `v_${name}[c]`);
  const params = ["start", "end", ...names.flatMap((name) => [`${name}_inner`, `${name}_period`])];
  const before = [
    "alias Value = array<f32, 1>; // vec4f",
    "const WIDTH = 1u; // 4u",
    `struct Params { ${params.map((name) => `${name}: u32`).join(", ")} }`,
    "@group(0) @binding(0) var<uniform> params: Params;",
    "@group(0) @binding(1) var<storage, read_write> result: array<Value>;",
    ...names.map((name, k) => `@group(0) @binding(${k + 2}) var<storage, read> map_${name}: array<${element(name)}>;`),
    `fn mapped(${names.map((name) => `${name}: f32`).join(", ")}) -> f32 { return (`,
  ];
  const after = `); }
fn apply(i: u32) {
${names.map((name) => `  let v_${name} = map_${name}[${place[layouts[name]](name)}];`).join("\n")}
  var value: Value;
  for (var c = 0u; c < WIDTH; c++) { value[c] = mapped(${names.map(component).join(", ")}); }
  result[i] = value;
}
${shared_elementwise}`;
  return {
    name: `map ${expression}`,
    code: `${before.join("\n")}\n${expression}\n${after}`,
    bindings: [
      { name: "result", binding: 1, access: "write" },
      ...names.map((name, k) => ({ name: `map_${name}`, binding: k + 2, access: "read" as const })),
    ],
    params: params.map((name) => ({ name, type: "u32" as const })),
    constants: ["Value", "WIDTH", "GROUP", "TURNS"],
    explain: explainExpression(expression, before.length + 1),
  };
}

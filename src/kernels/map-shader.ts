/** The WGSL around an expression of `map`. */
import type { ShaderSource } from "../gpu/index.js";
import { checkExpression, explainExpression } from "./map-expression.js";

export type InputLayout = "whole" | "row" | "shared" | "scattered";

const shaders = new Map<string, ShaderSource>();

/** The kernel for an expression, the layouts of its inputs and 1 or 4 elements a turn; made once. @throws KernelError as checkExpression. */
export function mapShader(
  expression: string,
  layouts: Readonly<Record<string, InputLayout>>,
  width: 1 | 4,
): ShaderSource {
  const key = JSON.stringify([expression, layouts, width]);
  let shader = shaders.get(key);
  if (!shader) {
    shader = makeShader(expression, layouts, width);
    shaders.set(key, shader);
  }
  return shader;
}

const COMPONENTS = ["x", "y", "z", "w"];

function makeShader(expression: string, layouts: Readonly<Record<string, InputLayout>>, width: 1 | 4): ShaderSource {
  const names = Object.keys(layouts);
  checkExpression(expression, names);
  const value = width === 4 ? "vec4f" : "f32";
  const bound = (layout: InputLayout) => (layout === "shared" || layout === "scattered" ? "f32" : value);
  const unit = (name: string, i: string) => `map_${name}[(${i} / params.${name}_inner) % params.${name}_period]`;
  const load: Record<InputLayout, (name: string) => string> = {
    whole: (name) => `map_${name}[i]`,
    row: (name) => `map_${name}[i % params.${name}_period]`,
    shared: (name) => `${value}(${unit(name, "i")})`,
    scattered: (name) =>
      `${value}(${COMPONENTS.slice(0, width)
        .map((_, c) => unit(name, `(i * ${width}u + ${c}u)`))
        .join(", ")})`,
  };
  const applied = (suffix: string) => `mapped(${names.map((name) => `v_${name}${suffix}`).join(", ")})`;
  const before = [
    `struct Params { count: u32${names.map((name) => `, ${name}_inner: u32, ${name}_period: u32`).join("")} }`,
    "@group(0) @binding(0) var<uniform> params: Params;",
    `@group(0) @binding(1) var<storage, read_write> map_y: array<${value}>;`,
    ...names.map(
      (name, k) => `@group(0) @binding(${k + 2}) var<storage, read> map_${name}: array<${bound(layouts[name])}>;`,
    ),
    `fn mapped(${names.map((name) => `${name}: f32`).join(", ")}) -> f32 { return (`,
  ];
  const after = `); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.x + group.y * groups.x) * 256u + lane;
  for (var turn = 0u; turn < 4u; turn++) {
    let i = first + turn * 64u;
    if (i < params.count) {
${names.map((name) => `      let v_${name} = ${load[layouts[name]](name)};`).join("\n")}
      map_y[i] = ${width === 1 ? applied("") : `vec4f(${COMPONENTS.map((c) => applied(`.${c}`)).join(", ")})`};
    }
  }
}`;
  return {
    name: `map ${expression}`,
    code: `${before.join("\n")}\n${expression}\n${after}`,
    bindings: [
      { name: "map_y", binding: 1, access: "write" },
      ...names.map((name, k) => ({ name: `map_${name}`, binding: k + 2, access: "read" as const })),
    ],
    params: [
      { name: "count", type: "u32" },
      ...names.flatMap((name) => [
        { name: `${name}_inner`, type: "u32" as const },
        { name: `${name}_period`, type: "u32" as const },
      ]),
    ],
    constants: [],
    explain: explainExpression(expression, before.length + 1),
  };
}

/**
 * Turns every `shaders/*.wgsl` into a typed record in `src/kernels/shaders.gen.ts`: the text with its imports expanded, and the names of its
 * bindings, Params fields and tuning constants. The WGSL stays the only source; a misspelt name in TypeScript is a compile error.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const shaderDir = join(root, "shaders");
const output = join(root, "src/kernels/shaders.gen.ts");

const fail = (file, message) => {
  throw new Error(`shaders/${file}: ${message}`);
};

/** Fragments that kernels made at run time are built on. */
const FRAGMENTS = ["elementwise"];

/** Replaces each `#import name` by `shaders/shared/name.wgsl`, once per shader, imports of imports included. */
function expandImports(text, file, seen = new Set()) {
  return text.replace(/^#import\s+(\S+)[ \t]*$/gm, (_, name) => {
    if (seen.has(name)) return "";
    seen.add(name);
    const path = `shared/${name}.wgsl`;
    let fragment;
    try {
      fragment = readFileSync(join(shaderDir, path), "utf8");
    } catch {
      fail(file, `#import ${name}: expected shaders/${path}, got no such file`);
    }
    return expandImports(fragment.trimEnd(), path, seen);
  });
}

const withoutComments = (text) => text.replace(/\/\/.*$/gm, "");

function parseParams(code, file) {
  const struct = /struct\s+Params\s*\{([^}]*)\}/.exec(code);
  if (!struct) return [];
  return struct[1]
    .split(",")
    .map((field) => field.trim())
    .filter(Boolean)
    .map((field) => {
      const match = /^(\w+)\s*:\s*(u32|i32|f32)$/.exec(field);
      if (!match) fail(file, `Params field "${field}": expected "name: u32 | i32 | f32"`);
      return { name: match[1], type: match[2] };
    });
}

function parseBindings(code, file) {
  const bindings = [];
  const pattern = /@group\((\d+)\)\s*@binding\((\d+)\)\s*var<([^>]*)>\s*(\w+)\s*:/g;
  for (const [, group, binding, space, name] of code.matchAll(pattern)) {
    if (group !== "0") fail(file, `binding ${name}: expected @group(0), got @group(${group})`);
    const kind = space.replace(/\s/g, "");
    const access = { uniform: "uniform", storage: "read", "storage,read": "read", "storage,read_write": "write" }[kind];
    if (!access) fail(file, `binding ${name}: unknown address space ${space}`);
    if (access === "uniform" && name !== "params") fail(file, `uniform ${name}: the only uniform is called params`);
    bindings.push({ name, binding: Number(binding), access });
  }
  if (new Set(bindings.map((b) => b.binding)).size !== bindings.length) fail(file, "two bindings share a number");
  return bindings;
}

function describe(file) {
  const name = basename(file, ".wgsl");
  const code = expandImports(readFileSync(join(shaderDir, file), "utf8"), file);
  const bare = withoutComments(code);
  if ((bare.match(/@compute/g) ?? []).length !== 1) fail(file, "expected exactly one entry point");
  const bindings = parseBindings(bare, file);
  const params = parseParams(bare, file);
  const hasUniform = bindings.some((b) => b.access === "uniform");
  if (params.length > 0 !== hasUniform) fail(file, "struct Params and var<uniform> params go together");
  const constants = [...bare.matchAll(/^(?:const|alias)\s+([A-Z]\w*)\s*(?::[^=;]*)?=/gm)].map((match) => match[1]);
  return { name, code, bindings: bindings.filter((b) => b.access !== "uniform"), params, constants };
}

export function buildShaders() {
  const files = readdirSync(shaderDir)
    .filter((file) => file.endsWith(".wgsl"))
    .sort();
  const records = files.map((file) => {
    const shader = describe(file);
    return `/** shaders/${file} */\nexport const ${shader.name} = ${JSON.stringify(shader, null, 2)} as const satisfies ShaderSource;\n`;
  });
  const fragments = FRAGMENTS.map((name) => {
    const text = expandImports(`#import ${name}\n`, name);
    return `/** shaders/shared/${name}.wgsl */\nexport const shared_${name} = ${JSON.stringify(text)};\n`;
  });
  const header = "// Made by scripts/build-shaders.mjs from shaders/*.wgsl. Do not edit.\n";
  const text = `${header}import type { ShaderSource } from "../gpu/shader.js";\n\n${[...fragments, ...records].join("\n")}`;
  let old = "";
  try {
    old = readFileSync(output, "utf8");
  } catch {}
  if (old !== text) writeFileSync(output, text);
  return files.length;
}

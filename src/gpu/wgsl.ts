/** Reads out of WGSL text what the dispatcher must know of a kernel. The build does so for the files of shaders/, a program for its own. */
import { KernelError, UsageError } from "../errors.js";
import type { ShaderSource } from "./shader.js";
import { whatIs } from "./what-is.js";

/** Texts that `#import name` brings into a kernel, by name. */
export type WgslFragments = Readonly<Record<string, string>>;

/** A line of a kernel and where it was written. */
interface SourceLine {
  readonly text: string;
  /** The name of the kernel, or of the fragment that was imported. */
  readonly file: string;
  /** From 1. */
  readonly number: number;
}

/** Replaces each `#import name` by the fragment, once per kernel, imports of imports included. @throws KernelError for an unknown one. */
function expandImports(file: string, text: string, fragments: WgslFragments, seen = new Set<string>()): SourceLine[] {
  return text.split("\n").flatMap((line, index) => {
    const number = index + 1;
    const name = /^#import\s+(\S+)\s*$/.exec(line)?.[1];
    if (name === undefined) return [{ text: line, file, number }];
    if (seen.has(name)) return [];
    seen.add(name);
    if (!Object.hasOwn(fragments, name)) {
      const known = Object.keys(fragments).join(", ") || "none";
      const remedy =
        known === "none"
          ? `pass fragments of "secateur/kernels" as in shaderFromWgsl(name, text, fragments)`
          : "correct it, or add it to the fragments";
      throw new KernelError(
        `${file} line ${number}: expected #import of a known fragment (${known}), got ${name}; ${remedy}`,
      );
    }
    return expandImports(name, fragments[name].trimEnd(), fragments, seen);
  });
}

/** Without comments, but with their line ends. */
const withoutComments = (text: string): string =>
  text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""));

const ACCESS: Readonly<Record<string, "uniform" | "read" | "write">> = {
  uniform: "uniform",
  storage: "read",
  "storage,read": "read",
  "storage,read_write": "write",
};

function parseBindings(name: string, code: string) {
  const fail = (what: string, expected: string): never => {
    throw new KernelError(`${name}: ${what}: expected ${expected}`);
  };
  const pattern = /((?:@\w+\s*\([^()]*\)\s*)*)\bvar\s*(?:<([^>]*)>)?\s*(\w+)/g;
  const bound = [...code.matchAll(pattern)].filter(
    ([, attributes, space = ""]) => attributes !== "" || /^\s*(?:uniform|storage)\b/.test(space),
  );
  const all = bound.map(([, attributes, space = "", variable]) => {
    const number = (attribute: string) =>
      new RegExp(`@${attribute}\\s*\\(\\s*(\\d+)[iu]?\\s*\\)`).exec(attributes)?.[1];
    const [group, binding] = [number("group"), number("binding")];
    const access = ACCESS[space.replace(/\s/g, "")];
    if (group === undefined || binding === undefined) {
      const got = attributes.trim().replace(/\s+/g, " ") || "no attributes";
      fail(variable, `@group and @binding with numbers before var, got ${got}`);
    }
    if (group !== "0") fail(variable, `@group(0), got @group(${group})`);
    if (!access) fail(variable, `var<uniform> or var<storage>, got var${space && `<${space}>`}`);
    if (access === "uniform" && (variable !== "params" || binding !== "0")) {
      fail(variable, `@binding(0) var<uniform> params, got @binding(${binding}) var<uniform> ${variable}`);
    }
    return { name: variable, binding: Number(binding), access };
  });
  all.forEach(({ name: variable, binding }, index) => {
    const other = all.findIndex((each) => each.binding === binding);
    if (other !== index) fail(variable, `a binding of its own, got that of ${all[other].name}`);
  });
  return all;
}

function parseParams(name: string, code: string): ShaderSource["params"] {
  const fields = /struct\s+Params\s*\{([^}]*)\}/.exec(code)?.[1].split(",") ?? [];
  const written = fields.map((field) => field.trim()).filter((field) => field !== "");
  return written.map((field) => {
    const match = /^(\w+)\s*:\s*(u32|i32|f32)$/.exec(field);
    if (!match) throw new KernelError(`${name}: Params: expected fields of type u32, i32 or f32, got "${field}"`);
    return { name: match[1], type: match[2] as "u32" | "i32" | "f32" };
  });
}

/** The record of a kernel whose imports are expanded. @throws KernelError for what the dispatcher could not run. */
export function describeWgsl(name: string, code: string): ShaderSource {
  const bare = withoutComments(code);
  const entries = bare.match(/@compute\b/g)?.length ?? 0;
  if (entries !== 1 || !/\bfn\s+main\s*\(/.test(bare)) {
    throw new KernelError(`${name}: expected one @compute entry point called main, got ${entries} entry points`);
  }
  const bindings = parseBindings(name, bare);
  const params = parseParams(name, bare);
  if (params.length > 0 !== bindings.some(({ access }) => access === "uniform")) {
    throw new KernelError(`${name}: expected both struct Params and var<uniform> params, or neither`);
  }
  return {
    name,
    code,
    bindings: bindings.flatMap(({ access, ...rest }) => (access === "uniform" ? [] : [{ ...rest, access }])),
    params,
    constants: [...bare.matchAll(/^(?:const|alias)\s+([A-Z]\w*)\s*(?::[^=;]*)?=/gm)].map((match) => match[1]),
  };
}

/** The compiler's message as an error at the place in the kernel's file, or in the fragment. */
function explainAt(name: string, lines: readonly SourceLine[]): (message: string) => KernelError {
  return (message) => {
    const [, row, column, what] = /:(\d+):(\d+) error: ([^\n]*)/.exec(message) ?? [];
    const line = lines[Number(row) - 1];
    const file = line && line.file !== name ? `${name}, #import ${line.file}` : name;
    const where = line ? `${file} line ${line.number}, column ${column}` : name;
    return new KernelError(`${where}: expected WGSL that compiles, got "${what ?? message.split("\n")[0]}"`);
  };
}

function checkTexts(name: string, text: string, fragments: WgslFragments): void {
  if (typeof name !== "string" || typeof text !== "string") {
    const got = `${typeof name} and ${typeof text}`;
    throw new UsageError(`shaderFromWgsl: expected a name and a text, got ${got}; pass (name, text, fragments)`);
  }
  for (const [key, value] of Object.entries(fragments)) {
    if (typeof value === "string") continue;
    throw new UsageError(
      `${name}: expected texts by name as fragments, got ${whatIs(value)} as ${key}; pass fragments of "secateur/kernels" itself, not { fragments }`,
    );
  }
}

/**
 * A kernel from WGSL text, ready for `gpu.dispatch`: what a file must hold, and what may be replaced in it, is as in the files of shaders/. The
 * entry point is `main`; uniform parameters are the fields of `struct Params`, bound as `@binding(0) var<uniform> params`; capitalised `const` and
 * `alias` declarations at the start of a line are tuning constants; `#import name` brings in `fragments[name]`. A kernel
 * that takes more than 65,535 groups indexes by `linear_group(group, groups)` of `#import grid`: `global_invocation_id.x` does not go so far. Make the
 * kernel once and keep it: pipelines belong to it. Calls may name no buffer or parameter that the text does not declare. Faults of the device's compiler are thrown at the next await, with the line in the text.
 * @param name the file's name: labels, timings and errors bear it.
 * @throws KernelError for a text that the dispatcher could not run. @throws UsageError for what is no text.
 */
export function shaderFromWgsl(name: string, text: string, fragments: WgslFragments = {}): ShaderSource {
  checkTexts(name, text, fragments);
  const lines = expandImports(name, text, fragments);
  const code = lines.map((line) => line.text).join("\n");
  return { ...describeWgsl(name, code), closed: true, explain: explainAt(name, lines) };
}

/** What the dispatcher knows of a kernel: plain data, made from the WGSL file at build time or from an expression at run time. */
import { KernelError } from "../errors.js";

/** A WGSL kernel with one entry point `main`. Uniform parameters, if any, are bound as `params`. */
export interface ShaderSource {
  readonly name: string;
  readonly code: string;
  readonly bindings: readonly { readonly name: string; readonly binding: number; readonly access: "read" | "write" }[];
  readonly params: readonly { readonly name: string; readonly type: "u32" | "i32" | "f32" }[];
  /** Names of module-scope `const` and `alias` declarations whose right-hand side a caller may replace. */
  readonly constants: readonly string[];
  /** Set for kernels from a program's own text: a call may name nothing that they lack. Calls of ours are typed, and may hand on more than one kernel needs. */
  readonly closed?: true;
  /** Turns the device's words into an error about the text that a user wrote, where the code holds such text and it does not compile. */
  readonly explain?: (message: string) => Error;
}

/** Names of the storage buffers of a kernel. */
export type BindingName<S extends ShaderSource> = S["bindings"][number]["name"];
/** Names of the uniform parameters of a kernel. */
export type ParamName<S extends ShaderSource> = S["params"][number]["name"];
/** Names of the tuning constants of a kernel. */
export type ConstantName<S extends ShaderSource> = S["constants"][number];

/** A replaced right-hand side: a number keeps the type suffix of the default (`64u` stays `u32`). */
export type ConstantValue = number | boolean | string;

/** Tuning constants to replace, by name. */
export type Constants<S extends ShaderSource = ShaderSource> = Partial<Record<ConstantName<S>, ConstantValue>>;

const declaration = (name: string) => new RegExp(`^((?:const|alias)\\s+${name}\\s*(?::[^=;]*)?=\\s*)([^;]*);`, "m");

/** The default right-hand side of a tuning constant, as written in the WGSL. */
export function constantDefault<S extends ShaderSource>(shader: S, name: ConstantName<S>): string {
  const found = declaration(name).exec(shader.code);
  if (!found) throw new KernelError(`${shader.name}: expected a constant called ${name}; the file declares none`);
  return found[2].trim();
}

/** The numeric default of a tuning constant such as `const GROUP = 64u;`. */
export function constantNumber<S extends ShaderSource>(shader: S, name: ConstantName<S>): number {
  return Number.parseFloat(constantDefault(shader, name));
}

function spell(value: ConstantValue, previous: string): string {
  if (typeof value !== "number") return String(value);
  const suffix = /^[\d.]+([uif])$/.exec(previous.trim())?.[1] ?? "";
  if (suffix === "f" || previous.includes("."))
    return Number.isInteger(value) ? `${value}.0${suffix}` : `${value}${suffix}`;
  return `${value}${suffix}`;
}

/** Types of 16-bit floats, which WGSL has only behind a directive. */
const HALF_TYPE = /\b(?:f16|vec[234]h|vec[234]<f16>)/;

/** Whether constants make a kernel one that only devices with the feature `shader-f16` can run. */
export const needsFloat16 = (constants: Constants): boolean =>
  Object.values(constants).some((value) => typeof value === "string" && HALF_TYPE.test(value));

/** WGSL text with constants replaced, and with the directive that their types need; lines stay where they are. */
export function specialize(shader: ShaderSource, constants: Constants): string {
  let code = needsFloat16(constants) ? `enable f16; ${shader.code}` : shader.code;
  for (const [name, value] of Object.entries(constants)) {
    if (value === undefined) continue;
    const pattern = declaration(name);
    if (!pattern.test(code)) {
      const known = shader.constants.join(", ") || "none";
      throw new KernelError(`${shader.name}: expected a constant among ${known}, got ${name}`);
    }
    code = code.replace(pattern, (_, head, previous) => `${head}${spell(value as ConstantValue, previous)};`);
  }
  return code;
}

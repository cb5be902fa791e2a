/** How flat buffers are read: their sizes checked, and four elements at once where the length allows. */
import { KernelError, ShapeError } from "../errors.js";
import type { Constants, ShaderSource } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantDefault } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";

/** How a kernel's operands lie in memory. It computes in f32 either way: f16 is widened as it is read and rounded as it is written. */
export type FloatStorage = "f32" | "f16";

/** The storage of an operation's operands. */
export interface StorageOptions {
  /** Of the tensors that grow with the batch; what else an operation takes is f32. Default: f32. f16 needs a device with `shader-f16`. */
  readonly storage?: FloatStorage;
}

/** Bytes of so many elements, in whole words of 4 bytes as buffers are bound. */
export const storageBytes = (elements: number, storage: FloatStorage): number =>
  storage === "f16" ? 4 * Math.ceil(elements / 2) : 4 * elements;

/** Checks that an operand was given at all. @throws KernelError naming the operation and the operand. */
export function requireOperand(op: string, name: string, given: unknown): void {
  if (given === undefined || given === null)
    throw new KernelError(`${op}: expected an operand ${name}, got none; pass its buffer`);
}

/** Checks that each named buffer holds at least so many elements. @throws ShapeError naming the operation and the buffer, KernelError where it is none or missing. */
export function requireElements<Name extends string>(
  op: string,
  buffers: { readonly [N in Name]: BufferLike },
  lengths: { readonly [N in Name]: number },
  storage: FloatStorage = "f32",
): void {
  for (const name in lengths) {
    requireOperand(op, name, buffers[name]);
    const held = bufferOf(buffers[name], `${op}: ${name}`).byteLength / (storage === "f16" ? 2 : 4);
    if (held < lengths[name]) {
      throw new ShapeError(`${op}: expected ${lengths[name]} elements in ${name}, got ${held}; check the sizes passed`);
    }
  }
}

/** Elements in one load: four where every given length is a multiple of four. */
export function loadWidth(...lengths: number[]): 1 | 4 {
  return lengths.every((length) => length % 4 === 0) ? 4 : 1;
}

/** What replaces the constants of shaders/shared/value.wgsl, across.wgsl and mask_bits.wgsl for values of four elements. */
const FOUR: Constants = {
  Value: "vec4f",
  WIDTH: 4,
  Places: "vec4u",
  PLACE: "vec4u(0u, 1u, 2u, 3u)",
  Bits: "vec4u",
  BIT: "vec4u(1u, 2u, 4u, 8u)",
};

/** Constants that make a kernel, written for single elements, read `width` of them as one value, and of this storage where it binds `Stored`. */
export function valueConstants(shader: ShaderSource, width: 1 | 4, storage: FloatStorage = "f32"): Constants {
  const constants = { ...(width === 4 && FOUR), ...storageConstants(shader, width, storage) };
  return Object.fromEntries(Object.entries(constants).filter(([name]) => shader.constants.includes(name)));
}

/** What replaces `alias Stored = Value;`, the value as it lies in memory: nothing for f32. */
export function storageConstants(
  shader: ShaderSource,
  width: 1 | 4,
  storage: FloatStorage,
  alias: "Stored" | "Source" = "Stored",
): Record<string, string> {
  if (storage === "f32") return {};
  return { [alias]: width === 4 ? "vec4h" : constantDefault(shader, "Value").replace("f32", "f16") };
}

/** What makes shaders/shared/quad.wgsl read four elements at once, and elements of f16. */
export function quadConstants(width: 1 | 4, { storage = "f32" }: StorageOptions) {
  if (width === 1) return storage === "f16" ? { Quad: "array<f16, 1>" } : {};
  return { Quad: storage === "f16" ? "vec4h" : "vec4f", QUAD: 4 };
}

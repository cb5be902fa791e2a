/** How flat buffers are read: their sizes checked, and four elements at once where the length allows. */
import { ShapeError } from "../errors.js";
import type { Constants, ShaderSource } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import type { BufferLike } from "./buffers.js";

/** Checks that each named buffer holds at least so many 32-bit elements. @throws ShapeError naming the operation and the buffer. */
export function requireElements<Name extends string>(
  op: string,
  buffers: { readonly [N in Name]: BufferLike },
  lengths: { readonly [N in Name]: number },
): void {
  for (const name in lengths) {
    const held = bufferOf(buffers[name]).byteLength / 4;
    if (held < lengths[name]) {
      throw new ShapeError(`${op}: expected ${lengths[name]} elements in ${name}, got ${held}; check the sizes passed`);
    }
  }
}

/** Elements in one load: four where every given length is a multiple of four. */
export function loadWidth(...lengths: number[]): 1 | 4 {
  return lengths.every((length) => length % 4 === 0) ? 4 : 1;
}

/** What replaces the constants of shaders/shared/value.wgsl and mask_bits.wgsl for values of four elements. */
const FOUR: Constants = { Value: "vec4f", WIDTH: 4, Bits: "vec4u", BIT: "vec4u(1u, 2u, 4u, 8u)" };

/** Constants that make a kernel, written for single elements, read `width` of them as one value. */
export function valueConstants(shader: ShaderSource, width: 1 | 4): Constants {
  if (width === 1) return {};
  return Object.fromEntries(shader.constants.filter((name) => name in FOUR).map((name) => [name, FOUR[name]]));
}

/** How flat buffers are read: their sizes checked, four elements at once where the length allows, and the grid that covers them. */
import { ShapeError } from "../errors.js";
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

/** The type of kernels that treat a value as a whole, whether a scalar or a vector. */
export const scalarOrVector = (width: 1 | 4) => ({ Value: width === 4 ? "vec4f" : "f32" });

/** The type of kernels that go through the WIDTH elements of a value one by one. */
export const elementsOf = (width: 1 | 4) => ({ Value: width === 4 ? "vec4f" : "array<f32, 1>", WIDTH: width });

const GROUP = 64;
const TURNS = 4;

/** Workgroups of an elementwise kernel: 64 invocations, each of which takes four of `count` values (shaders/shared/elementwise.wgsl). */
export const elementwiseGroups = (count: number): number => Math.ceil(count / (GROUP * TURNS));

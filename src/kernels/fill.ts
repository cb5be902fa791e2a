import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import * as shaders from "./shaders.gen.js";

const GROUP = constantNumber(shaders.fill, "GROUP");

/** y[i] = value for all `length` elements of y. */
export function fill(gpu: Gpu, buffers: { y: BufferLike }, size: { length: number; value: number }): void {
  gpu.dispatch(shaders.fill, { buffers, params: size, groups: Math.ceil(size.length / GROUP) });
}

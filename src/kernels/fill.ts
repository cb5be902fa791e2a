import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { dispatchElementwise } from "./elementwise.js";
import * as shaders from "./shaders.gen.js";

/** y[i] = value for all `length` elements of y. */
export function fill(gpu: Gpu, buffers: { y: BufferLike }, { length, value }: { length: number; value: number }): void {
  dispatchElementwise(gpu, shaders.fill, { buffers, params: { value } }, length);
}

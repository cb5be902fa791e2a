import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

const GRID = { GROUP: 64, STEPS: 32 };
/** On software drivers one subgroup with a long loop is the fastest, as for elementwise kernels. */
const SOFTWARE_GRID = { GROUP: 8, STEPS: 256 };
/** Elements that one workgroup looks through by itself. */
const MOST_AT_ONCE = 4096;

/**
 * scale[0] = 2^-floor(log2 max |x|): the power of two that brings the largest of `length` elements into [1, 2). Products with it are exact but for
 * overflow and denormal results. It is 1 where the largest is zero, infinite or NaN, and where the power is not past 2^comfortable and 2^-comfortable
 * (by default it may be any); never smaller than 2^-126 or larger than 2^126.
 * @throws ShapeError when a buffer is too short.
 */
export function powerOfTwo(
  gpu: Gpu,
  { x, scale }: { x: BufferLike; scale: BufferLike },
  { length, comfortable = 0 }: { length: number; comfortable?: number },
): void {
  requireSizes("powerOfTwo", { length });
  requireElements("powerOfTwo", { x, scale }, { x: length, scale: 1 });
  using _temporary = gpu.scope();
  let [values, count] = [x, length];
  if (length > MOST_AT_ONCE) {
    const grid = gpu.info.software ? SOFTWARE_GRID : GRID;
    const width = loadWidth(length);
    const groups = Math.ceil(length / width / (grid.GROUP * grid.STEPS));
    count = groups * grid.GROUP;
    values = gpu.allocate(4 * count);
    gpu.dispatch(shaders.largest_bits, {
      buffers: { x, largest: values },
      params: { length: length / width },
      constants: { ...grid, ...valueConstants(shaders.largest_bits, width) },
      groups,
    });
  }
  gpu.dispatch(shaders.power_of_two, { buffers: { x: values, scale }, params: { count, comfortable }, groups: 1 });
}

import { narrowFloat16, widenFloat16 } from "../../src/io/float16.js";
import { cast } from "../../src/kernels/cast.js";
import type { FloatStorage } from "../../src/kernels/elements.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

const lengths: [length: number, benchOnly?: boolean][] = [[1], [7], [64], [1027], [1576 * 768, true]];

/** From the smallest f16 steps to the largest values. */
const values = (length: number): Float32Array => normals(length, length).map((x, i) => x * 2 ** ((i % 36) - 24));

const convert = (from: FloatStorage, to: FloatStorage, length: number, benchOnly?: boolean): KernelCase => ({
  name: `cast ${from} to ${to}, ${length}`,
  inputs: () => ({ x: from === "f16" ? narrowFloat16(values(length)) : values(length) }),
  outputs: { y: { length, type: to } },
  run: (gpu, { x, y }) => cast(gpu, { x, y }, { length, from, to }),
  oracle: ({ x }) => ({ y: to === "f16" ? widenFloat16(narrowFloat16(x as Float32Array)) : x }),
  tolerance: EXACT,
  bytes: 6 * length,
  needs: "shader-f16",
  benchOnly,
});

export const cases = lengths.flatMap(([length, benchOnly]) => [
  convert("f32", "f16", length, benchOnly),
  convert("f16", "f32", length, benchOnly),
]);

import { fill } from "../../src/kernels/fill.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";

export const cases: KernelCase[] = [1, 63, 64, 65, 4_194_305].map((length) => ({
  name: `fill ${length}`,
  inputs: () => ({}),
  outputs: { y: { length } },
  run: (gpu, { y }) => fill(gpu, { y }, { length, value: 1.5 }),
  oracle: () => ({ y: new Float64Array(length).fill(1.5) }),
  tolerance: EXACT,
  bytes: 4 * length,
}));

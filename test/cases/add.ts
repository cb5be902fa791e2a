import { add, addPeriodic } from "../../src/kernels/add.js";
import { elementwise } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

const lengths: [length: number, benchOnly?: boolean][] = [[1], [7], [255], [256], [1028], [1576 * 768, true]];

const plain: KernelCase[] = lengths.map(([length, benchOnly]) => ({
  name: `add ${length}`,
  inputs: () => ({ a: normals(length, 1), b: normals(length, 2) }),
  outputs: { y: { length } },
  run: (gpu, { a, b, y }, storage) => add(gpu, { a, b, y }, { length }, { storage }),
  float16: ["a", "b", "y"],
  oracle: ({ a, b }) => ({ y: a.map((value, i) => value + b[i]) }),
  tolerance: elementwise,
  flops: length,
  bytes: 12 * length,
  benchOnly,
}));

const shapes: [length: number, inner: number, period: number][] = [
  [1, 1, 1],
  [3 * 7 * 5, 5, 7],
  [2 * 12 * 8, 8, 12],
  [5 * 16, 1, 16],
  [5 * 17, 1, 17],
  [1000, 1, 1000],
];

const periodic: KernelCase[] = shapes.map(([length, inner, period]) => ({
  name: `addPeriodic ${length}, unit (i / ${inner}) % ${period}`,
  inputs: () => ({ a: normals(length, 3), b: normals(period, 4) }),
  outputs: { y: { length } },
  run: (gpu, { a, b, y }) => addPeriodic(gpu, { a, b, y }, { length, inner, period }),
  oracle: ({ a, b }) => ({ y: a.map((value, i) => value + b[Math.floor(i / inner) % period]) }),
  tolerance: elementwise,
  flops: length,
  bytes: 8 * length,
}));

export const cases = [...plain, ...periodic];

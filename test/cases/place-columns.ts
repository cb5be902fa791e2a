import { NONE } from "../../src/kernels/none.js";
import { placeColumns } from "../../src/kernels/place-columns.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals, randomGenerator } from "../harness/random.js";

/** Columns of x in any order, some of them none. */
function sources(from: number, to: number): Uint32Array {
  const next = randomGenerator(from * 7 + to);
  return Uint32Array.from({ length: to }, () => (next() < 0.25 ? NONE : Math.floor(next() * from)));
}

const shapes: [rows: number, from: number, to: number, benchOnly?: boolean][] = [
  [1, 1, 1],
  [3, 7, 5],
  [65, 63, 65],
  [17, 64, 192],
  [70_001, 3, 2],
  [1576, 192, 134, true],
  [1576, 400, 576, true],
];

export const cases: KernelCase[] = shapes.map(([rows, from, to, benchOnly]) => ({
  name: `placeColumns ${rows}x${from} to ${to}`,
  inputs: () => ({ x: normals(rows * from, from + to), source: sources(from, to) }),
  outputs: { y: { length: rows * to } },
  run: (gpu, { x, source, y }, storage) => placeColumns(gpu, { x, source, y }, { rows, from, to }, { storage }),
  float16: ["x", "y"],
  oracle: ({ x, source }) => ({
    y: Float64Array.from({ length: rows * to }, (_, i) => {
      const column = source[i % to];
      return column === NONE ? 0 : x[Math.floor(i / to) * from + column];
    }),
  }),
  tolerance: EXACT,
  bytes: 8 * rows * to,
  benchOnly,
}));

import { transpose } from "../../src/kernels/transpose.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

const shapes: [rows: number, columns: number, batch?: number, benchOnly?: boolean][] = [
  [1, 1],
  [1, 13],
  [13, 1],
  [3, 5, 2],
  [4, 8],
  [31, 33],
  [5, 18],
  [260, 20],
  [17, 64, 3],
  [1028, 8, 3],
  [1100, 13, 2],
  [1, 1, 65537],
  [1576, 768, 1, true],
];

export const cases: KernelCase[] = shapes.map(([rows, columns, batch = 1, benchOnly]) => ({
  name: `transpose ${batch} x ${rows}x${columns}`,
  inputs: () => ({ x: normals(rows * columns * batch, 1) }),
  outputs: { out: { length: rows * columns * batch } },
  run: (gpu, { x, out }, storage) => transpose(gpu, { x, out }, { rows, columns, batch }, { storage }),
  float16: ["x", "out"],
  oracle: ({ x }) => ({
    out: x.map((_, i) => {
      const z = Math.floor(i / (rows * columns));
      const [column, row] = [Math.floor((i % (rows * columns)) / rows), i % rows];
      return x[(z * rows + row) * columns + column];
    }),
  }),
  tolerance: EXACT,
  bytes: 8 * rows * columns * batch,
  benchOnly,
}));

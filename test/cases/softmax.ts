import { softmax } from "../../src/kernels/softmax.js";
import { sumOf } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

function oracle(x: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const y = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < columns; c++) highest = Math.max(highest, x[r * columns + c]);
    let total = 0;
    for (let c = 0; c < columns; c++) total += Math.exp(x[r * columns + c] - highest);
    for (let c = 0; c < columns; c++) y[r * columns + c] = Math.exp(x[r * columns + c] - highest) / total;
  }
  return y;
}

const shapes: [rows: number, columns: number, benchOnly?: boolean][] = [
  [1, 1],
  [7, 13],
  [3, 63],
  [3, 64],
  [3, 65],
  [65_537, 2],
  [9456, 197, true],
];

export const cases: KernelCase[] = shapes.map(([rows, columns, benchOnly]) => ({
  name: `softmax ${rows}x${columns}`,
  inputs: { x: normals(rows * columns, rows + columns, 3) },
  outputs: { y: { length: rows * columns } },
  run: (gpu, { x, y }) => softmax(gpu, { x, y }, { rows, columns }),
  oracle: ({ x }) => ({ y: oracle(x, rows, columns) }),
  tolerance: sumOf(columns),
  flops: 5 * rows * columns,
  bytes: 8 * rows * columns,
  benchOnly,
}));

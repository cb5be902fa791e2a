import { softmax, softmaxGrad, softmaxGradTangent } from "../../src/kernels/softmax.js";
import { sumOf } from "../harness/close.js";
import { directional } from "../harness/directional.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

function forward(x: Numbers, rows: number, columns: number): Float64Array {
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

function backward(y: Numbers, dy: Numbers, rows: number, columns: number): Float64Array {
  const dx = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    let total = 0;
    for (let c = 0; c < columns; c++) total += y[r * columns + c] * dy[r * columns + c];
    for (let c = 0; c < columns; c++) dx[r * columns + c] = y[r * columns + c] * (dy[r * columns + c] - total);
  }
  return dx;
}

const shapes: [rows: number, columns: number, benchOnly?: boolean][] = [
  [1, 1],
  [7, 13],
  [3, 63],
  [3, 64],
  [3, 65],
  [9, 256],
  [524_297, 2], // more than 65,535 workgroups
  [1576, 197, true],
  [1576, 200, true],
];

const forwardCases: KernelCase[] = shapes.map(([rows, columns, benchOnly]) => ({
  name: `softmax ${rows}x${columns}`,
  inputs: () => ({ x: normals(rows * columns, rows + columns, 3) }),
  outputs: { y: { length: rows * columns } },
  run: (gpu, { x, y }) => softmax(gpu, { x, y }, { rows, columns }),
  oracle: ({ x }) => ({ y: forward(x, rows, columns) }),
  tolerance: sumOf(columns),
  flops: 5 * rows * columns,
  bytes: 8 * rows * columns,
  benchOnly,
}));

const gradientCases: KernelCase[] = shapes.map(([rows, columns, benchOnly]) => ({
  name: `softmaxGrad ${rows}x${columns}`,
  inputs: () => ({
    y: Float32Array.from(forward(normals(rows * columns, 1, 3), rows, columns)),
    dy: normals(rows * columns, 2),
  }),
  outputs: { dx: { length: rows * columns } },
  run: (gpu, { y, dy, dx }) => softmaxGrad(gpu, { y, dy, dx }, { rows, columns }),
  oracle: ({ y, dy }) => ({ dx: backward(y, dy, rows, columns) }),
  tolerance: sumOf(columns),
  flops: 4 * rows * columns,
  bytes: 12 * rows * columns,
  benchOnly,
}));

const tangentCases: KernelCase[] = shapes.map(([rows, columns, benchOnly]) => ({
  name: `softmaxGradTangent ${rows}x${columns}`,
  inputs: () => {
    const y = forward(normals(rows * columns, 1, 3), rows, columns);
    const yTangent = backward(y, normals(rows * columns, 3), rows, columns);
    return { y: Float32Array.from(y), yTangent: Float32Array.from(yTangent), dy: normals(rows * columns, 2) };
  },
  outputs: { dx: { length: rows * columns } },
  run: (gpu, { y, yTangent, dy, dx }) => softmaxGradTangent(gpu, { y, yTangent, dy, dx }, { rows, columns }),
  oracle: ({ y, yTangent, dy }) => ({
    dx: directional((y) => backward(y, dy, rows, columns), [[y, yTangent]]),
  }),
  tolerance: sumOf(columns),
  flops: 7 * rows * columns,
  bytes: 16 * rows * columns,
  benchOnly,
}));

export const cases = [...forwardCases, ...gradientCases, ...tangentCases];

const at = normals(12, 3);
const dy = normals(12, 4);
export const gradients: GradientCase[] = [
  {
    name: "softmax by x",
    f: (x) => dot(forward(x, 3, 4), dy),
    at,
    gradient: () => backward(forward(at, 3, 4), dy, 3, 4),
  },
];

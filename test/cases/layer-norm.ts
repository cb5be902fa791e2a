import { layerNorm, layerNormGrad } from "../../src/kernels/layer-norm.js";
import { layerNormColumns } from "../../src/kernels/layer-norm-columns.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals, randomGenerator } from "../harness/random.js";

type Numbers = ArrayLike<number>;

const EPSILON = 1e-6;

/** Of `count` elements of a row those past x are zeros. */
export function forward(x: Numbers, weight: Numbers, bias: Numbers, count = weight.length) {
  const columns = weight.length;
  const rows = x.length / columns;
  const y = new Float64Array(x.length);
  const mean = new Float64Array(rows);
  const rstd = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) mean[r] += x[r * columns + c] / count;
    let squares = (count - columns) * mean[r] ** 2;
    for (let c = 0; c < columns; c++) squares += (x[r * columns + c] - mean[r]) ** 2;
    rstd[r] = 1 / Math.sqrt(squares / count + EPSILON);
    for (let c = 0; c < columns; c++) {
      y[r * columns + c] = (x[r * columns + c] - mean[r]) * rstd[r] * weight[c] + bias[c];
    }
  }
  return { y, mean, rstd };
}

/** What was cut from a row, up to `count` elements, has no gradient but shares those of mean and deviation. */
export function backward(
  x: Numbers,
  weight: Numbers,
  { mean, rstd }: { readonly mean: Numbers; readonly rstd: Numbers },
  dy: Numbers,
  count = weight.length,
) {
  const columns = weight.length;
  const dx = new Float64Array(x.length);
  const dWeight = new Float64Array(columns);
  const dBias = new Float64Array(columns);
  for (let r = 0; r < mean.length; r++) {
    const normalized = (c: number) => (x[r * columns + c] - mean[r]) * rstd[r];
    const upstream = (c: number) => dy[r * columns + c] * weight[c];
    let total = 0;
    let projected = 0;
    for (let c = 0; c < columns; c++) {
      dWeight[c] += dy[r * columns + c] * normalized(c);
      dBias[c] += dy[r * columns + c];
      total += upstream(c);
      projected += upstream(c) * normalized(c);
    }
    for (let c = 0; c < columns; c++) {
      dx[r * columns + c] = rstd[r] * (upstream(c) - total / count - (normalized(c) * projected) / count);
    }
  }
  return { dx, dWeight, dBias };
}

const shapes: [rows: number, columns: number, benchOnly?: boolean][] = [
  [1, 1],
  [5, 7],
  [3, 63],
  [65, 64],
  [129, 65],
  [7, 192],
  [65_537, 4],
  [1576, 192, true],
  [1576, 384, true],
];

/** Around the lengths of rows whose values a subgroup of 8 holds: 48 to 384, in one to three parts. */
const heldShapes: typeof shapes = [
  [37, 8],
  [7, 44],
  [1, 48],
  [37, 60],
  [1, 64],
  [33, 68],
  [37, 196],
  [65, 256],
  [5, 260],
  [3, 384],
  [5, 388],
  [1088, 64, true],
];

/** Rows from which channels were cut. */
const cutShapes: [rows: number, columns: number, count: number][] = [
  [5, 7, 9],
  [37, 64, 72],
  [33, 132, 192],
  [3, 356, 384],
];

const forwardCase = (rows: number, columns: number, count = columns): KernelCase => ({
  name: `layerNorm ${rows}x${columns}${count > columns ? ` of ${count}` : ""}`,
  inputs: () => ({
    x: normals(rows * columns, rows + columns, 3).map((value) => value + 5),
    weight: normals(columns, 1),
    bias: normals(columns, 2),
  }),
  outputs: { y: { length: rows * columns }, mean: { length: rows }, rstd: { length: rows } },
  run: (gpu, { x, weight, bias, y, mean, rstd }, storage) =>
    layerNorm(gpu, { x, weight, bias, y, mean, rstd }, { rows, columns, count, epsilon: EPSILON }, { storage }),
  float16: ["x", "y"],
  oracle: ({ x, weight, bias }) => forward(x, weight, bias, count),
  // The offset of 5 costs digits where a row varies little: rows of 4 sometimes do.
  tolerance: sumOf(columns, columns === 4 ? 20 : 2),
  flops: 8 * rows * columns,
  bytes: 8 * rows * columns,
});

const forwardCases = [
  ...[...shapes, ...heldShapes].map(([rows, columns, benchOnly]) => ({ ...forwardCase(rows, columns), benchOnly })),
  ...cutShapes.map((shape) => forwardCase(...shape)),
];

/** `kept` of so many columns, ascending. */
function someColumns(columns: number, kept: number): Uint32Array {
  const next = randomGenerator(columns * 7 + kept);
  const order = Array.from({ length: columns }, (_, column) => [next(), column]).sort(([a], [b]) => a - b);
  return Uint32Array.from(order.slice(0, kept), ([, column]) => column).sort();
}

const columnShapes: [rows: number, columns: number, kept: number, benchOnly?: boolean][] = [
  [1, 1, 1],
  [5, 7, 3],
  [65, 64, 63],
  [33, 64, 12],
  [7, 193, 65],
  [65_537, 4, 2],
  [1576, 192, 136, true],
];

const columnCases: KernelCase[] = columnShapes.map(([rows, columns, kept, benchOnly]) => ({
  name: `layerNormColumns ${rows}x${columns} to ${kept}`,
  inputs: () => ({
    x: normals(rows * columns, rows + columns, 3).map((value) => value + 5),
    weight: normals(columns, 1),
    bias: normals(columns, 2),
    source: someColumns(columns, kept),
  }),
  outputs: { y: { length: rows * kept }, mean: { length: rows }, rstd: { length: rows } },
  run: (gpu, { x, weight, bias, source, y, mean, rstd }, storage) =>
    layerNormColumns(
      gpu,
      { x, weight, bias, source, y, mean, rstd },
      { rows, columns, kept, epsilon: EPSILON },
      { storage },
    ),
  float16: ["x", "y"],
  oracle: ({ x, weight, bias, source }) => {
    const { y, ...moments } = forward(x, weight, bias);
    const taken = (_: unknown, i: number) => y[Math.floor(i / kept) * columns + source[i % kept]];
    return { ...moments, y: Float64Array.from({ length: rows * kept }, taken) };
  },
  tolerance: sumOf(columns, columns === 4 ? 20 : 2),
  flops: 5 * rows * columns + 3 * rows * kept,
  bytes: 4 * rows * (columns + kept),
  benchOnly,
}));

/** Rows that a subgroup holds, in one to six parts. */
const heldGradientShapes: typeof shapes = [
  [37, 60],
  [129, 100],
  [5, 260],
  [3, 384],
  [1088, 64, true],
];

const gradientCase = (rows: number, columns: number, count = columns): KernelCase => ({
  name: `layerNormGrad ${rows}x${columns}${count > columns ? ` of ${count}` : ""}`,
  inputs: () => {
    const x = normals(rows * columns, rows + columns, 3);
    const weight = normals(columns, 1);
    const { mean, rstd } = forward(x, weight, new Float32Array(columns), count);
    const dy = normals(rows * columns, 3);
    return { x, weight, mean: Float32Array.from(mean), rstd: Float32Array.from(rstd), dy };
  },
  outputs: { dx: { length: rows * columns }, dWeight: { length: columns }, dBias: { length: columns } },
  run: (gpu, { x, weight, mean, rstd, dy, dx, dWeight, dBias }) =>
    layerNormGrad(gpu, { x, weight, mean, rstd, dy, dx, dWeight, dBias }, { rows, columns, count }),
  oracle: ({ x, weight, mean, rstd, dy }) => backward(x, weight, { mean, rstd }, dy, count),
  tolerance: sumOf(Math.max(rows, columns), columns === 1 ? 1e3 : 1),
  flops: 16 * rows * columns,
  bytes: 12 * rows * columns,
});

const gradientCases = [
  ...[...shapes, ...heldGradientShapes].map(([rows, columns, benchOnly]) => ({
    ...gradientCase(rows, columns),
    benchOnly,
  })),
  ...cutShapes.map((shape) => gradientCase(...shape)),
];

export const cases = [...forwardCases, ...columnCases, ...gradientCases];

const x = normals(15, 5);
const weight = normals(5, 6);
const bias = normals(5, 7);
const dy = normals(15, 8);
const analytic = () => {
  return backward(x, weight, forward(x, weight, bias), dy);
};
const CUT = 8; // elements of a row before three were cut
export const gradients: GradientCase[] = [
  { name: "by x", f: (v) => dot(forward(v, weight, bias).y, dy), at: x, gradient: () => analytic().dx },
  {
    name: "by x of cut rows",
    f: (v) => dot(forward(v, weight, bias, CUT).y, dy),
    at: x,
    gradient: () => backward(x, weight, forward(x, weight, bias, CUT), dy, CUT).dx,
  },
  { name: "by weight", f: (v) => dot(forward(x, v, bias).y, dy), at: weight, gradient: () => analytic().dWeight },
  { name: "by bias", f: (v) => dot(forward(x, weight, v).y, dy), at: bias, gradient: () => analytic().dBias },
];

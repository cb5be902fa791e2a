import { columnMoments, type MomentSize, moment } from "../../src/kernels/moment.js";
import { sumOf } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals, uniforms } from "../harness/random.js";

/** x has a mean, so that sums grow with the rows. */
const activations = ({ rows, columns }: MomentSize) => uniforms(rows * columns, rows + columns, -0.5, 1.5);

function symmetric(n: number): Float32Array {
  const values = normals(n * n, n);
  return values.map((_, i) => values[Math.max(i % n, Math.floor(i / n)) * n + Math.min(i % n, Math.floor(i / n))]);
}

function momentCase(size: MomentSize, benchOnly?: boolean): KernelCase {
  const { rows, columns } = size;
  return {
    name: `moment ${rows}x${columns}`,
    inputs: () => ({ x: activations(size), out: symmetric(columns) }),
    outputs: { out: { length: columns * columns } },
    run: (gpu, { x, out }) => moment(gpu, { x, out }, size),
    oracle: ({ x, out }) => {
      const sums = Float64Array.from(out);
      for (let r = 0; r < rows; r++) {
        for (let i = 0; i < columns; i++) {
          for (let j = 0; j < columns; j++) sums[i * columns + j] += x[r * columns + i] * x[r * columns + j];
        }
      }
      return { out: sums };
    },
    tolerance: sumOf(rows),
    flops: rows * columns * columns,
    bytes: 4 * (rows * columns + 2 * columns * columns),
    benchOnly,
  };
}

function columnsCase(size: MomentSize, benchOnly?: boolean): KernelCase {
  const { rows, columns } = size;
  return {
    name: `columnMoments ${rows}x${columns}`,
    inputs: () => ({
      x: activations(size),
      shift: normals(columns, 3),
      sum: normals(columns, 1),
      squares: uniforms(columns, 2),
    }),
    outputs: { sum: { length: columns }, squares: { length: columns } },
    run: (gpu, { x, shift, sum, squares }) => columnMoments(gpu, { x, shift, sum, squares }, size),
    oracle: ({ x, shift, sum, squares }) => {
      const result = { sum: Float64Array.from(sum), squares: Float64Array.from(squares) };
      for (let i = 0; i < rows * columns; i++) {
        const value = x[i] - shift[i % columns];
        result.sum[i % columns] += value;
        result.squares[i % columns] += value * value;
      }
      return result;
    },
    tolerance: sumOf(rows),
    flops: 4 * rows * columns,
    bytes: 4 * (rows * columns + 4 * columns),
    benchOnly,
  };
}

const size = (rows: number, columns: number): MomentSize => ({ rows, columns });

export const cases: KernelCase[] = [
  ...[size(1, 1), size(3, 4), size(131, 7), size(64, 64), size(197, 65), size(130, 68), size(513, 100)].map((s) =>
    momentCase(s),
  ),
  ...[size(1, 1), size(2, 4), size(7, 13), size(63, 32), size(65, 132), size(511, 33), size(1031, 257)].map((s) =>
    columnsCase(s),
  ),
  columnsCase(size(1, 2_100_004)), // more groups than one dimension holds
  ...[size(12_608, 192), size(3152, 768), size(1576, 3072)].flatMap((s) => [momentCase(s, true), columnsCase(s, true)]),
];

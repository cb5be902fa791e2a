import { type RankUpdateSize, rankUpdate } from "../../src/kernels/rank-update.js";
import { sumOf } from "../harness/close.js";
import type { Arrays, KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

function oracle({ a, b, out }: Arrays, size: RankUpdateSize) {
  const { rows, columns, depth, pitch = rows, firstColumn = 0, scale = 1 } = size;
  const result = Float64Array.from(out);
  for (let r = 0; r < rows; r++) {
    for (let c = firstColumn; c < columns; c++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += a[k * pitch + r] * b[k * columns + c];
      result[r * columns + c] += scale * sum;
    }
  }
  return { out: result };
}

function updateCase(size: RankUpdateSize, benchOnly?: boolean): KernelCase {
  const { rows, columns, depth, pitch = rows, firstColumn = 0 } = size;
  const part = firstColumn > 0 ? `, columns from ${firstColumn}` : "";
  return {
    name: `rankUpdate ${rows}x${columns}x${depth}, pitch ${pitch}${part}`,
    inputs: () => ({
      a: normals(depth * pitch, rows),
      b: normals(depth * columns, columns + 1, 1 / Math.sqrt(depth)),
      out: normals(rows * columns, depth + 2),
    }),
    outputs: { out: { length: rows * columns } },
    run: (gpu, { a, b, out }) => rankUpdate(gpu, { a, b, out }, size),
    oracle: (inputs) => oracle(inputs, size),
    tolerance: sumOf(depth),
    flops: 2 * rows * (columns - firstColumn) * depth,
    bytes: 4 * (depth * (rows + columns) + 2 * rows * (columns - firstColumn)),
    benchOnly,
  };
}

/** Triangles and mirrors are tested where they are used: test/cases/cholesky.ts, moment.ts. */
export const cases: KernelCase[] = [
  updateCase({ rows: 1, columns: 1, depth: 1 }),
  updateCase({ rows: 13, columns: 7, depth: 5, pitch: 17, scale: -1 }),
  updateCase({ rows: 65, columns: 131, depth: 33, pitch: 65, firstColumn: 64, scale: 0.5 }),
  updateCase({ rows: 4, columns: 4, depth: 3 }),
  updateCase({ rows: 36, columns: 100, depth: 18, pitch: 40, firstColumn: 4, scale: -1 }),
  updateCase({ rows: 32, columns: 32, depth: 128, pitch: 33 }),
  updateCase({ rows: 768, columns: 768, depth: 64, scale: -1 }, true),
  updateCase({ rows: 768, columns: 3072, depth: 128, firstColumn: 1536, scale: -1 }, true),
];

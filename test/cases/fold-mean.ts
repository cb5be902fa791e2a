import { foldRemovedMean } from "../../src/kernels/fold-mean.js";
import { sumOf } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { bit, maskWords, normals } from "../harness/random.js";

function foldCase(rows: number, columns: number, density = 0.5, benchOnly?: boolean): KernelCase {
  return {
    name: `foldRemovedMean ${rows}x${columns}, density ${density}`,
    inputs: () => ({
      weight: normals(rows * columns, rows),
      mask: maskWords(rows * columns, columns, density),
      mean: normals(columns, 3),
      bias: normals(rows, 4),
    }),
    outputs: { bias: { length: rows } },
    run: (gpu, { weight, mask, mean, bias }) => foldRemovedMean(gpu, { weight, mask, mean, bias }, { rows, columns }),
    oracle: ({ weight, mask, mean, bias }) => {
      const result = Float64Array.from(bias);
      for (let i = 0; i < rows * columns; i++) {
        if (!bit(mask as Uint32Array, i)) result[Math.floor(i / columns)] += weight[i] * mean[i % columns];
      }
      return { bias: result };
    },
    tolerance: sumOf(columns),
    flops: 2 * rows * columns,
    bytes: 4 * (rows * columns + columns + 2 * rows) + (rows * columns) / 8,
    benchOnly,
  };
}

export const cases: KernelCase[] = [
  ...[1, 7, 31, 64, 132, 259].map((columns) => foldCase(5, columns)),
  ...[0, 1].map((density) => foldCase(9, 100, density)),
  foldCase(1, 1),
  foldCase(66_003, 4), // more groups than one dimension holds
  foldCase(768, 3072, 0.5, true),
];

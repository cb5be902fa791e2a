import { type ObsUpdateSize, obsUpdate } from "../../src/kernels/obs-update.js";
import { damped, definiteMatrix, inverseFactor, inverseOf } from "../harness/definite.js";
import type { Arrays, KernelCase } from "../harness/kernel-case.js";
import { bit, maskWords, normals } from "../harness/random.js";

/** Hassibi and Stork's loop in each row: remove a weight, update the others, and take it out of the inverse. */
function oracle({ weight, mask, moment }: Arrays, { rows, columns: n, damping }: ObsUpdateSize) {
  const result = Float64Array.from(weight);
  const inverse = inverseOf(inverseFactor(damped(moment, n, damping), n), n);
  for (let row = 0; row < rows; row++) {
    const w = Float64Array.from(weight.subarray(row * n, (row + 1) * n));
    const h = inverse.slice();
    for (let q = 0; q < n; q++) {
      if (bit(mask as Uint32Array, row * n + q)) continue;
      const column = Float64Array.from({ length: n }, (_, i) => h[i * n + q]);
      const factor = w[q] / column[q];
      for (let i = 0; i < n; i++) w[i] -= factor * column[i];
      for (let i = 0; i < n * n; i++) h[i] -= (column[Math.floor(i / n)] * column[i % n]) / column[q];
    }
    for (let i = 0; i < n; i++) if (bit(mask as Uint32Array, row * n + i)) result[row * n + i] = w[i];
  }
  return { weight: result };
}

interface Shape extends ObsUpdateSize {
  readonly density: number;
  readonly condition: number;
}

/** The mask removes all of row 1 and nothing of row 2. */
function maskOf({ rows, columns, density }: Shape): Uint32Array {
  const words = maskWords(rows * columns, columns, density);
  for (let i = columns; i < Math.min(3, rows) * columns; i++) {
    words[i >> 5] &= ~(1 << (i & 31));
    if (i >= 2 * columns) words[i >> 5] |= 1 << (i & 31);
  }
  return words;
}

function obsCase(shape: Shape, benchOnly?: boolean): KernelCase {
  const { rows, columns, density, condition, damping, iterations = 32 } = shape;
  return {
    name: `obsUpdate ${rows}x${columns}, density ${density}, condition ${condition}, damping ${damping}`,
    inputs: () => ({
      weight: normals(rows * columns, rows),
      mask: maskOf(shape),
      moment: definiteMatrix(columns, condition, columns),
    }),
    outputs: { weight: { length: rows * columns } },
    run: (gpu, { weight, mask, moment }) => obsUpdate(gpu, { weight, mask, moment }, shape),
    oracle: (inputs) => oracle(inputs, shape),
    tolerance: { atol: condition > 100 ? 2e-4 : 1e-5, rtol: 1e-5 },
    flops: 4 * rows * columns * columns * iterations,
    bytes: 4 * (2 * rows * columns + columns * columns),
    benchOnly,
  };
}

const shape = (rows: number, columns: number, density = 0.5, condition = 100, damping = 0.01): Shape => ({
  rows,
  columns,
  density,
  condition,
  damping,
});

export const cases: KernelCase[] = [
  ...[shape(1, 1, 0), shape(1, 1, 1), shape(3, 2), shape(5, 13), shape(4, 31, 0.1), shape(7, 68, 0.9)].map((s) =>
    obsCase(s),
  ),
  ...[shape(3, 131), shape(5, 132, 0.25), shape(5, 132, 0.75, 1e4), shape(5, 132, 0.5, 1e6)].map((s) => obsCase(s)),
  obsCase(shape(3, 64, 0.5, 100, 0)),
  obsCase(shape(768, 768), true),
];

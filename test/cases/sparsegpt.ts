import { type SparseGptChoice, type SparseGptSize, sparseGptSweep } from "../../src/kernels/sparsegpt.js";
import { damped, definiteMatrix, inverseFactor } from "../harness/definite.js";
import type { Arrays, KernelCase } from "../harness/kernel-case.js";
import { bit, maskWords, normals } from "../harness/random.js";

interface Shape extends SparseGptSize {
  readonly choice?: SparseGptChoice;
}

const BLOCK = 128;

/** Indices of the lowest scores, the first ones of equal scores. */
const lowest = (scores: readonly number[], count: number): number[] =>
  scores
    .map((_, i) => i)
    .sort((a, b) => scores[a] - scores[b] || a - b)
    .slice(0, count);

/** The authors' loop, column by column, with errors spread over all later columns at once. */
function oracle({ weight, mask, moment }: Arrays, { rows, columns: n, damping, choice }: Shape) {
  const w = Float64Array.from(weight);
  const u = inverseFactor(damped(moment, n, damping), n);
  const keep = Uint8Array.from(w, (_, i) => (choice ? 1 : bit(mask as Uint32Array, i)));
  const score = (i: number) => (w[i] / u[(i % n) * (n + 1)]) ** 2;
  const removeLowest = (elements: number[], count: number) => {
    for (const i of lowest(elements.map(score), count)) keep[elements[i]] = 0;
  };
  const elements = (row: number, first: number, end: number) =>
    Array.from({ length: end - first }, (_, i) => row * n + first + i);
  const everyRow = Array.from({ length: rows }, (_, row) => row);
  for (let q = 0; q < n; q++) {
    if (choice && "sparsity" in choice && q % BLOCK === 0) {
      const block = everyRow.flatMap((row) => elements(row, q, Math.min(q + BLOCK, n)));
      removeLowest(block, Math.round(choice.sparsity * block.length));
    }
    if (choice && "of" in choice && q % choice.of === 0) {
      for (const row of everyRow) removeLowest(elements(row, q, q + choice.of), choice.of - choice.keep);
    }
    for (const row of everyRow) {
      if (keep[row * n + q]) continue;
      const error = w[row * n + q] / u[q * (n + 1)];
      for (let j = q; j < n; j++) w[row * n + j] -= error * u[q * n + j];
    }
  }
  const words = new Uint32Array(Math.ceil((rows * n) / 32));
  keep.forEach((kept, i) => {
    words[i >> 5] |= kept << (i & 31);
  });
  return { weight: weight.map((dense, i) => (keep[i] ? w[i] : dense)), mask: words };
}

function sweepCase(shape: Shape, benchOnly?: boolean): KernelCase {
  const { rows, columns, choice } = shape;
  const words = Math.ceil((rows * columns) / 32);
  const chosen = choice ? ("of" in choice ? `${choice.keep} of ${choice.of}` : `sparsity ${choice.sparsity}`) : "given";
  return {
    name: `sparseGptSweep ${rows}x${columns}, mask ${chosen}`,
    inputs: () => ({
      weight: normals(rows * columns, rows + columns),
      moment: definiteMatrix(columns, 100, columns),
      ...(!choice && { mask: maskWords(rows * columns, columns) }),
    }),
    outputs: {
      weight: { length: rows * columns },
      ...(choice && { mask: { length: words, type: "u32" as const } }),
    },
    run: (gpu, { weight, mask, moment }) => sparseGptSweep(gpu, { weight, mask, moment }, shape, choice),
    oracle: (inputs) => oracle(inputs, shape),
    tolerance: { atol: 5e-6, rtol: 2e-6 },
    flops: rows * columns * columns + (2 / 3) * columns ** 3,
    bytes: 4 * (2 * rows * columns + columns * columns),
    benchOnly,
  };
}

const shape = (rows: number, columns: number, choice?: SparseGptChoice): Shape => ({
  rows,
  columns,
  damping: 0.01,
  choice,
});

const half = { sparsity: 0.5 };
const twoOfFour = { keep: 2, of: 4 };

export const cases: KernelCase[] = [
  ...[shape(1, 1), shape(3, 7), shape(9, 127), shape(5, 128), shape(13, 129), shape(8, 132), shape(12, 300)].map((s) =>
    sweepCase(s),
  ),
  ...[shape(1, 1, half), shape(7, 13, half), shape(5, 260, half), shape(3, 131, { sparsity: 0.9 })].map((s) =>
    sweepCase(s),
  ),
  ...[shape(4, 36, { sparsity: 0 }), shape(3, 36, { sparsity: 1 })].map((s) => sweepCase(s)),
  ...[shape(3, 4, twoOfFour), shape(9, 148, twoOfFour), shape(5, 264, { keep: 4, of: 8 })].map((s) => sweepCase(s)),
  ...[shape(3, 26, { keep: 1, of: 2 }), shape(2, 64, { keep: 5, of: 32 })].map((s) => sweepCase(s)),
  ...[shape(768, 768), shape(768, 768, half), shape(768, 768, twoOfFour), shape(768, 3072)].map((s) =>
    sweepCase(s, true),
  ),
];

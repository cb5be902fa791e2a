import { gradientNorm } from "../../src/kernels/gradient-norm.js";
import { sumOf } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

const shapes: [lengths: number[], maxNorm: number][] = [
  [[1], 1],
  [[192, 7, 1021], 1], // clips
  [[192, 7, 1021], 1000], // does not
  [[4096, 4100, 65_536, 3], 5],
];

export const cases: KernelCase[] = shapes.map(([lengths, maxNorm]) => {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const names = lengths.map((_, index) => `gradient${index}`);
  return {
    name: `gradientNorm ${lengths.join("+")} to ${maxNorm}`,
    inputs: () => ({
      ...Object.fromEntries(lengths.map((length, index) => [names[index], normals(length, length + index)])),
      schedule: Float32Array.of(0.1, 0.2, 0.3, 0.4),
    }),
    outputs: { norm: { length: 1 }, schedule: { length: 4 } },
    run: (gpu, { norm, schedule, ...buffers }) => {
      const all = names.map((name, index) => ({ gradient: buffers[name], length: lengths[index] }));
      gradientNorm(gpu, { gradients: all, norm, schedule }, { maxNorm });
    },
    oracle: (inputs) => {
      const squares = names.flatMap((name) => Array.from(inputs[name], (g) => g * g));
      const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
      return { norm: [norm], schedule: [0.1, 0.2, 0.3, Math.min(1, maxNorm / (norm + 1e-6))] };
    },
    tolerance: sumOf(total),
    flops: 2 * total,
    bytes: 4 * total,
  };
});

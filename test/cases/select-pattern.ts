import { type Pattern, selectPattern } from "../../src/kernels/select-pattern.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { maskWords } from "../harness/random.js";
import { coarse, constant, products, rankOrder, type ScoreFill, signed, special } from "../harness/scores.js";

const shapes: [fill: ScoreFill, pattern: string, count: number, offset: number, benchOnly?: boolean][] = [
  [signed, "1:2", 2, 0],
  [signed, "2:4", 4, 4],
  [coarse, "1:2", 1022, 34],
  [coarse, "2:4", 4100, 2044],
  [special, "2:4", 10_008, 4],
  [constant, "3:4", 2052, 68],
  [coarse, "4:8", 4104, 24],
  [special, "5:16", 4112, 16],
  [coarse, "1:32", 6432, 32],
  [coarse, "32:32", 320, 64],
  [products, "2:4", 22_000_000, 0, true],
];

export const cases: KernelCase[] = shapes.map(([fill, text, count, offset, benchOnly]) => {
  const [keep, run] = text.split(":").map(Number);
  const length = offset + count + 75;
  return {
    name: `selectPattern ${text} of ${count} ${fill.name} from ${offset}`,
    inputs: () => ({ scores: fill(length, count), keep: maskWords(Math.ceil(length / 32) * 32, count) }),
    outputs: { keep: { length: Math.ceil(length / 32), type: "u32" } },
    run: (gpu, { scores, keep: bits }) =>
      selectPattern(gpu, { scores, keep: bits }, { offset, count, keep, run: run as Pattern["run"] }),
    oracle: ({ scores, keep: before }) => {
      const bits = Uint32Array.from(before);
      for (let start = offset; start < offset + count; start += run) {
        rankOrder(scores as Float32Array, start, run).forEach((i, rank) => {
          if (rank < run - keep) bits[i >> 5] &= ~(1 << (i & 31));
          else bits[i >> 5] |= 1 << (i & 31);
        });
      }
      return { keep: bits };
    },
    tolerance: EXACT,
    bytes: 4.125 * count,
    benchOnly,
  };
});

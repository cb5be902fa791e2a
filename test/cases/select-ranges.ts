import type { Gpu } from "../../src/gpu/index.js";
import { type SelectionRange, type SelectTuning, selectRanges } from "../../src/kernels/select-ranges.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { maskWords, randomGenerator } from "../harness/random.js";
import {
  coarse,
  floatBits,
  grainy,
  halfZeros,
  products,
  rankOrder,
  type ScoreFill,
  special,
} from "../harness/scores.js";

/** Ranges of random lengths from `longest`, with a gap now and then; all sorts of counts, ties either way. */
function rangesOf(number: number, longest: readonly number[], seed: number): SelectionRange[] {
  const next = randomGenerator(seed);
  let end = 3;
  return Array.from({ length: number }, (_, r) => {
    const offset = end + (next() < 0.2 ? Math.floor(next() * 90) : 0);
    const count = 1 + Math.floor(next() * longest[r % longest.length]);
    end = offset + count;
    const part = [0, 1, next(), next(), next()][Math.floor(next() * 5)];
    return { offset, count, prune: Math.round(part * count), ties: next() < 0.7 ? "lowest-index" : "less-or-equal" };
  });
}

function rangesCase(
  fill: ScoreFill,
  ranges: readonly SelectionRange[],
  stride: number,
  tuning: SelectTuning = {},
): KernelCase {
  const last = ranges[ranges.length - 1];
  const length = last.offset + last.count + 50;
  return {
    name: `selectRanges ${ranges.length} over ${length} ${fill.name} ${Object.entries(tuning).join(" ")}`,
    inputs: () => ({
      scores: fill(length, length),
      keep: maskWords(Math.ceil(length / 32) * 32, length),
      results: new Uint32Array(ranges.length * stride).fill(7),
    }),
    outputs: {
      keep: { length: Math.ceil(length / 32), type: "u32" },
      results: { length: ranges.length * stride, type: "u32" },
    },
    run: (gpu: Gpu, { scores, keep, results }) => selectRanges(gpu, { scores, keep, results }, ranges, stride, tuning),
    oracle: ({ scores, keep: before, results: words }) => {
      const keep = Uint32Array.from(before);
      const results = Uint32Array.from(words);
      ranges.forEach(({ offset, count, prune, ties }, r) => {
        const order = rankOrder(scores as Float32Array, offset, count);
        const kth = prune === 0 ? Number.NaN : scores[order[prune - 1]] + 0;
        const equal = (i: number) => prune > 0 && (scores[i] === kth || (Number.isNaN(kth) && Number.isNaN(scores[i])));
        const gone = (i: number, rank: number) => rank < prune || (ties === "less-or-equal" && equal(i));
        order.forEach((i, rank) => {
          if (gone(i, rank)) keep[i >> 5] &= ~(1 << (i & 31));
          else keep[i >> 5] |= 1 << (i & 31);
        });
        results[r * stride] = floatBits(kth);
        results[r * stride + 1] = order.filter(gone).length;
      });
      return { keep, results };
    },
    tolerance: EXACT,
    bytes: 4.125 * length,
  };
}

const mixed = rangesOf(60, [40_000, 60, 3000, 9000], 3);

export const cases: KernelCase[] = [
  ...[products, coarse, grainy, halfZeros, special].map((fill) => rangesCase(fill, mixed, 3)),
  rangesCase(coarse, rangesOf(700, [150], 5), 2), // more than are selected at once
  rangesCase(grainy, mixed, 2, { variant: "hardware" }),
  rangesCase(products, mixed, 2, { variant: "hardware", largestBinding: 65_536 }),
  rangesCase(coarse, mixed, 2, { largestBinding: 65_536 }),
];

import { countKeptRanges, fillRanges } from "../../src/kernels/ranges.js";
import type { ScoreRange } from "../../src/kernels/sort.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { bit, maskWords, randomGenerator } from "../harness/random.js";

/** Ranges of random lengths side by side, some of them empty of words and some of many. */
function rangesOf(number: number, longest: number): ScoreRange[] {
  const next = randomGenerator(number);
  let end = 0;
  return Array.from({ length: number }, () => {
    const count = 1 + Math.floor(next() * longest);
    end += count;
    return { offset: end - count, count };
  });
}

const lists = [rangesOf(1, 1), rangesOf(1, 5000), rangesOf(13, 40), rangesOf(150, 3000), rangesOf(65_537, 2)];

function countCase(ranges: readonly ScoreRange[], length: number): KernelCase {
  return {
    name: `countKeptRanges ${ranges.length} over ${length}`,
    inputs: () => ({ mask: maskWords(length + 40, length) }),
    outputs: { counts: { length: ranges.length, type: "u32" } },
    run: (gpu, { mask, counts }) => countKeptRanges(gpu, { mask, counts }, ranges),
    oracle: ({ mask }) => ({
      counts: ranges.map(({ offset, count }) => {
        let ones = 0;
        for (let i = offset; i < offset + count; i++) ones += bit(mask as Uint32Array, i);
        return ones;
      }),
    }),
    tolerance: EXACT,
    bytes: length / 8,
  };
}

function fillCase(ranges: readonly ScoreRange[], length: number): KernelCase {
  const filled = ranges.map((range, r) => ({ ...range, value: (r * 2_654_435_761) % 2 ** 32 }));
  return {
    name: `fillRanges ${ranges.length} over ${length}`,
    inputs: () => ({}),
    outputs: { y: { length, type: "u32" } },
    run: (gpu, { y }) => fillRanges(gpu, { y }, filled),
    oracle: () => ({ y: filled.flatMap(({ count, value }) => Array<number>(count).fill(value)) }),
    tolerance: EXACT,
    bytes: 4 * length,
  };
}

export const cases: KernelCase[] = lists.flatMap((ranges) => {
  const { offset, count } = ranges[ranges.length - 1];
  return [countCase(ranges, offset + count), fillCase(ranges, offset + count)];
});

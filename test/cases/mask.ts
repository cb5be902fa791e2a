import { applyMask, countKept, expandMask } from "../../src/kernels/mask.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { bit, maskWords, normals } from "../harness/random.js";

/** Units of a tensor: [length, inner, period, offset of the first unit in the keep bits, elements of a band]. */
const layouts: [length: number, inner: number, period: number, offset: number, band?: number][] = [
  [1, 1, 1, 0],
  [1, 1, 1, 77],
  [31, 1, 31, 3],
  [1021, 1, 1021, 45], // weights
  [1024, 1, 1024, 64], // weights whose words are copied
  [96, 1, 200, 32],
  [96, 1, 48, 32],
  [96 * 13, 96, 13, 5], // rows of [13, 96]
  [35 * 37, 35, 37, 0], // rows of [37, 35]
  [13 * 97, 1, 97, 31], // columns of [13, 97]
  [67 * 5, 1, 5, 1],
  [3 * 6 * 8 * 24, 8 * 24, 6, 9], // heads in the rows of [3 x 6 x 8, 24]
  [20 * 6 * 8, 8, 6, 2], // heads in the columns of [20, 6 x 8]
  [96 * 160, 32, 5, 3, 32 * 160], // blocks of 32 x 32
  [24 * 40, 5, 8, 1, 4 * 40], // blocks of 4 x 5
  [9 * 7, 1, 7, 0, 7], // blocks of 1 x 1
  [35 * 3, 1, 3, 4, 5 * 3], // blocks of 5 x 1
];

const benchLayout: (typeof layouts)[number] = [1536 * 384, 384, 1536, 0]; // rows

const unitOf = (i: number, inner: number, period: number, band: number): number =>
  Math.floor(i / band) * period + (Math.floor(i / inner) % period);

const expandCases: KernelCase[] = [...layouts, benchLayout].map((layout) => {
  const [length, inner, period, offset, band = length] = layout;
  return {
    name: `expandMask ${length} inner ${inner} period ${period} offset ${offset} band ${band}`,
    inputs: () => ({ units: maskWords(offset + (length / band) * period, length) }),
    outputs: { mask: { length: Math.ceil(length / 32), type: "u32" } },
    run: (gpu, { units, mask }) => expandMask(gpu, { units, mask }, { length, inner, period, offset, band }),
    oracle: ({ units }) => {
      const mask = new Uint32Array(Math.ceil(length / 32));
      for (let i = 0; i < length; i++) {
        mask[i >> 5] |= bit(units as Uint32Array, offset + unitOf(i, inner, period, band)) << (i & 31);
      }
      return { mask };
    },
    tolerance: EXACT,
    bytes: length / 8,
    benchOnly: layout === benchLayout,
  };
});

const intersectCases: KernelCase[] = layouts.slice(2).map(([length, inner, period, offset, band = length]) => ({
  name: `expandMask ${length} inner ${inner} period ${period} offset ${offset} band ${band} into a mask`,
  inputs: () => ({ units: maskWords(offset + (length / band) * period, length), mask: maskWords(length, 7) }),
  outputs: { mask: { length: Math.ceil(length / 32), type: "u32" } },
  run: (gpu, { units, mask }) =>
    expandMask(gpu, { units, mask }, { length, inner, period, offset, band, intersect: true }),
  oracle: ({ units, mask: before }) => {
    const mask = new Uint32Array(Math.ceil(length / 32));
    for (let i = 0; i < length; i++) {
      const kept = bit(units as Uint32Array, offset + unitOf(i, inner, period, band));
      mask[i >> 5] |= (kept & bit(before as Uint32Array, i)) << (i & 31);
    }
    return { mask };
  },
  tolerance: EXACT,
}));

/** A NaN must not survive where the mask is 0. */
function withNaN(x: Float32Array): Float32Array {
  x[x.length >> 1] = Number.NaN;
  return x;
}

const BENCH_LENGTH = 16 * 64 * 32 * 32;

const applyCases: KernelCase[] = [1, 3, 4, 33, 1021, 1024, 1025, BENCH_LENGTH].map((length) => ({
  name: `applyMask ${length}`,
  inputs: () => ({ x: withNaN(normals(length, length)), mask: maskWords(length, length) }),
  outputs: { y: { length } },
  run: (gpu, { x, mask, y }) => applyMask(gpu, { x, mask, y }, { length }),
  oracle: ({ x, mask }) => ({ y: Float64Array.from(x, (value, i) => (bit(mask as Uint32Array, i) ? value : 0)) }),
  tolerance: EXACT,
  bytes: 8.125 * length,
  benchOnly: length === BENCH_LENGTH,
}));

const countCases: KernelCase[] = [1, 31, 32, 33, 32_767, 32_768, 32_769, 300_007, BENCH_LENGTH].map((length) => ({
  name: `countKept ${length}`,
  // Ones past the end must not count.
  inputs: () => ({ mask: maskWords(Math.ceil(length / 32) * 32, length, 0.7), count: Uint32Array.of(11, 12, 13) }),
  outputs: { count: { length: 3, type: "u32" } },
  run: (gpu, { mask, count }) => countKept(gpu, { mask, count }, { length, index: 1 }),
  oracle: ({ mask }) => {
    let kept = 0;
    for (let i = 0; i < length; i++) kept += bit(mask as Uint32Array, i);
    return { count: [11, kept, 13] };
  },
  tolerance: EXACT,
  bytes: length / 8,
  benchOnly: length === BENCH_LENGTH,
}));

export const cases: KernelCase[] = [...expandCases, ...intersectCases, ...applyCases, ...countCases];

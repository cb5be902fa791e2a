import { type SelectionRange, type SelectTuning, selectSmallest } from "../../src/kernels/select.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { maskWords, normals, randomGenerator } from "../harness/random.js";

/** Total order of selection: NaN above infinity, -0 equal to +0. */
const compare = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
};

function oracle(scores: Float32Array, keep: Uint32Array, { offset, count, prune, ties }: SelectionRange) {
  const order = Uint32Array.from({ length: count }, (_, i) => offset + i);
  order.sort((a, b) => compare(scores[a], scores[b]) || a - b);
  const kth = scores[order[prune - 1]];
  const pruned =
    ties === "lowest-index" || prune === 0
      ? order.subarray(0, prune)
      : order.filter((i) => compare(scores[i], kth) <= 0);
  const bits = Uint32Array.from(keep);
  for (let i = offset; i < offset + count; i++) bits[i >> 5] |= 1 << (i & 31);
  for (const i of pruned) bits[i >> 5] &= ~(1 << (i & 31));
  const kthBits = new Uint32Array(Float32Array.of(prune === 0 ? Number.NaN : kth + 0).buffer)[0];
  return { keep: bits, threshold: [kthBits, pruned.length] };
}

type Fill = (length: number, seed: number) => Float32Array;

const products: Fill = (length, seed) => normals(length, seed).map((g, i) => Math.abs(g * (i % 13) * 1e-3));
const signed: Fill = (length, seed) => normals(length, seed);
const halfZeros: Fill = (length, seed) => products(length, seed).map((score, i) => (i % 2 ? 0 : score));
const coarse: Fill = (length, seed) => normals(length, seed).map((value) => Math.round(value * 4) / 4);
const constant: Fill = (length) => new Float32Array(length).fill(0.25);
const special: Fill = (length, seed) => {
  const values = [0, -0, 1e-45, -1e-45, 1e-40, Infinity, -Infinity, Number.NaN, 1, -1, 3.4e38, -3.4e38];
  const next = randomGenerator(seed);
  const scores = Float32Array.from({ length }, () => values[Math.floor(next() * values.length)]);
  const words = new Uint32Array(scores.buffer);
  for (let i = 0; i < length; i += 17) words[i] = i % 2 ? 0xffc00001 : 0x7f800001; // NaNs of both signs
  return scores;
};

const MANY = 300_007; // enough to be sampled

/** Scores that mislead the sample: `odd` where select_sample.wgsl looks (for ranges that begin at `offset`), `usual` elsewhere. */
const misleading =
  (offset: number, usual: (x: number) => number, odd: (x: number) => number): Fill =>
  (length, seed) => {
    const next = randomGenerator(seed);
    const stride = 64;
    return Float32Array.from({ length }, (_, i) => {
      const s = Math.floor((i - offset) / stride);
      const sampled = i - offset === s * stride + ((Math.imul(s, 0x9e3779b9) >>> 8) % stride);
      return sampled ? odd(next()) : usual(next());
    });
  };
const missed = misleading(
  5,
  (x) => x,
  (x) => 10 + x,
);
const crowded = misleading(
  5,
  (x) => 1 + x * 1e-3,
  (x) => 2 * x,
);

interface Shape extends Omit<SelectionRange, "ties"> {
  readonly what: string;
  readonly fill: Fill;
  readonly benchOnly?: boolean;
}

const shape = (what: string, fill: Fill, count: number, prune: number, offset = 0, benchOnly = false): Shape => ({
  what,
  fill,
  count,
  prune,
  offset,
  benchOnly,
});

const shapes: Shape[] = [
  shape("one", signed, 1, 1),
  shape("one", signed, 1, 0, 70),
  shape("signed", signed, 31, 7, 1),
  shape("signed", signed, 1021, 500, 2047),
  shape("signed", signed, 2049, 1, 2048),
  shape("signed", signed, 70_001, 69_999, 5000),
  shape("all of signed", signed, 4099, 4099, 3),
  shape("none of signed", signed, 4099, 0, 3),
  shape("products", products, 210_005, 200_007, 33),
  shape("products", products, MANY, 210_005, 33),
  shape("products", products, MANY, 1, 33),
  shape("products", products, MANY, MANY - 1, 2),
  shape("products", products, MANY, MANY, 2),
  shape("signed", signed, MANY, 30_000, 4097),
  shape("half zeros", halfZeros, MANY, 100_000, 1),
  shape("half zeros", halfZeros, MANY, 153_000, 1),
  shape("half zeros", halfZeros, MANY, 160_000, 1),
  shape("coarse", coarse, MANY, 140_001, 95),
  shape("constant", constant, MANY, 31_003, 17),
  shape("special values", special, MANY, 100_000, 3),
  shape("special values", special, MANY, 299_000, 3),
  shape("outside of the bracket of", missed, MANY, 150_000, 5),
  shape("more candidates than expected of", crowded, MANY, 150_000, 5),
  shape("half zeros", halfZeros, 100_003, 20_001, 1),
  shape("half zeros", halfZeros, 100_003, 70_001, 1),
  shape("coarse", coarse, 100_003, 40_001, 95),
  shape("constant", constant, 66_000, 31_003, 17),
  shape("special values", special, 10_007, 900, 3),
  shape("special values", special, 10_007, 4000, 3),
  shape("special values", special, 10_007, 9900, 3),
  shape("products", products, 5_700_000, 2_850_000, 0, true),
  shape("products", products, 22_000_000, 11_000_000, 0, true),
  shape("half zeros", halfZeros, 5_700_000, 1_000_000, 0, true),
  shape("coarse", coarse, 5_700_000, 2_850_000, 0, true),
];

function selectCase(range: Shape, ties: SelectionRange["ties"], tuning: SelectTuning = {}): KernelCase {
  const { what, fill, count, prune, offset, benchOnly } = range;
  const total = offset + count + 75;
  return {
    name: `selectSmallest ${prune} of ${count} ${what} from ${offset}, ${ties}${Object.entries(tuning)
      .map(([name, value]) => `, ${name} ${value}`)
      .join("")}`,
    inputs: () => ({ scores: fill(total, count), keep: maskWords(Math.ceil(total / 32) * 32, count) }),
    outputs: { keep: { length: Math.ceil(total / 32), type: "u32" }, threshold: { length: 2, type: "u32" } },
    run: (gpu, { scores, keep, threshold }) =>
      selectSmallest(gpu, { scores, keep, threshold }, { offset, count, prune, ties }, tuning),
    oracle: ({ scores, keep }) => oracle(scores as Float32Array, keep as Uint32Array, { offset, count, prune, ties }),
    tolerance: EXACT,
    bytes: 4.125 * count,
    benchOnly,
  };
}

export const cases: KernelCase[] = [
  ...shapes.flatMap((range) => [selectCase(range, "lowest-index"), selectCase(range, "less-or-equal")]),
  selectCase(shape("products", products, 40_009, 20_000, 3), "lowest-index", { variant: "hardware" }),
  selectCase(shape("products", products, MANY, 210_005, 33), "lowest-index", { variant: "hardware" }),
  // Arenas larger than a binding, here of 64 KiB: the threshold, its ties and the boundary words meet across pieces.
  ...[shape("products", products, 40_009, 20_000, 3), shape("coarse", coarse, MANY, 140_001, 95)].map((range) =>
    selectCase(range, "lowest-index", { largestBinding: 65_536 }),
  ),
];

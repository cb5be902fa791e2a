import { type SelectionRange, type SelectTuning, selectSmallest } from "../../src/kernels/select.js";
import { planSelection, TILE_WORDS } from "../../src/kernels/select-plan.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { maskWords, randomGenerator } from "../harness/random.js";
import {
  coarse,
  compareScores,
  constant,
  grainy,
  halfPrecision,
  halfZeros,
  neighbours,
  parted,
  products,
  rankOrder,
  rounded,
  type ScoreFill,
  signed,
  special,
} from "../harness/scores.js";

function oracle(scores: Float32Array, keep: Uint32Array, { offset, count, prune, ties }: SelectionRange) {
  const order = rankOrder(scores, offset, count);
  const kth = scores[order[prune - 1]];
  const pruned =
    ties === "lowest-index" || prune === 0
      ? order.subarray(0, prune)
      : order.filter((i) => compareScores(scores[i], kth) <= 0);
  const bits = Uint32Array.from(keep);
  for (let i = offset; i < offset + count; i++) bits[i >> 5] |= 1 << (i & 31);
  for (const i of pruned) bits[i >> 5] &= ~(1 << (i & 31));
  const kthBits = new Uint32Array(Float32Array.of(prune === 0 ? Number.NaN : kth + 0).buffer)[0];
  return { keep: bits, threshold: [kthBits, pruned.length] };
}

const MANY = 300_007; // enough to be sampled
const SHARED = 800_009; // tiles enough that workgroups share them where there are no candidates

/** Where the variant for software drivers takes its sample from a range that lies in one window. */
function sampledPlaces({ offset, count }: { offset: number; count: number }): Set<number> {
  const range = { offset, count, prune: 1, ties: "lowest-index" } as const;
  const { ranges, tiles } = planSelection([range], [{ start: 0, end: offset + count }], 8 * 128 * 32);
  const stride = ranges[3];
  const places = new Set<number>();
  for (let t = 0; t < tiles[0].length; t += TILE_WORDS) {
    const [, first, end, , sample] = tiles[0].subarray(t, t + TILE_WORDS);
    for (let s = 0; s < Math.floor((end - first) / stride); s++) {
      places.add(first + s * stride + ((Math.imul(sample + s, 0x9e3779b9) >>> 8) % stride));
    }
  }
  return places;
}

/** Scores that mislead the sample: `odd` where it looks, `usual` elsewhere. */
const misleading =
  (offset: number, usual: (x: number) => number, odd: (x: number) => number, count = MANY): ScoreFill =>
  (length, seed) => {
    const next = randomGenerator(seed);
    const sampled = sampledPlaces({ offset, count });
    return Float32Array.from({ length }, (_, i) => (sampled.has(i) ? odd(next()) : usual(next())));
  };
const missed = (count: number) =>
  misleading(
    5,
    (x) => x,
    (x) => 10 + x,
    count,
  );
const crowded = misleading(
  5,
  (x) => 1 + x * 1e-3,
  (x) => 2 * x,
);

const ULP = 2 ** -23;
/** The upper value is 2^21 - 1 floats from the lower, which is 1023 from a whole digit; half of the middle lies next to the upper. */
const [lower, upper] = [1 + 1023 * ULP, 1 + (1023 + 2 ** 21 - 1) * ULP];
const nextToUpper = parted(lower, upper, (x) =>
  x < 0.5 ? lower + (1 + Math.floor(x * 2 ** 21)) * ULP : upper - x * 1000 * ULP,
);
/** Zeros, and more of the smallest negative floats. */
const aroundZero = parted(-1.1, 1, (x) => (x < 0.6 ? -(1 + Math.floor(x * 1000)) * 2 ** -149 : 0));

interface Shape extends Omit<SelectionRange, "ties"> {
  readonly what: string;
  readonly fill: ScoreFill;
  readonly benchOnly?: boolean;
}

const shape = (what: string, fill: ScoreFill, count: number, prune: number, offset = 0, benchOnly = false): Shape => ({
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
  shape("outside of the bracket of", missed(MANY), MANY, 150_000, 5),
  shape("more candidates than expected of", crowded, MANY, 150_000, 5),
  shape("3000 neighbouring", neighbours(3000), MANY, 150_000, 7),
  shape("300,000 neighbouring", neighbours(300_000), MANY, 150_000, 7),
  shape("next to the higher of two", nextToUpper, MANY, 149_800, 7),
  shape("smallest and zeros between two", aroundZero, MANY, 149_700, 7),
  shape("grainy", grainy, MANY, 150_000, 7),
  shape("grainy", grainy, 70_001, 300, 0),
  shape("rounded", rounded, MANY, 150_000, 7),
  shape("rounded", rounded, MANY, 70_003, 4096),
  shape("half zeros", halfZeros, 100_003, 20_001, 1),
  shape("half zeros", halfZeros, 100_003, 70_001, 1),
  shape("coarse", coarse, 100_003, 40_001, 95),
  shape("constant", constant, 66_000, 31_003, 17),
  shape("special values", special, 10_007, 900, 3),
  shape("special values", special, 10_007, 4000, 3),
  shape("special values", special, 10_007, 9900, 3),
  shape("products", products, 5_700_000, 2_850_000, 0, true),
  shape("products", products, 22_000_000, 11_000_000, 0, true),
  shape("half zeros", halfZeros, 22_000_000, 5_500_000, 0, true),
  shape("half zeros", halfZeros, 22_000_000, 11_000_000, 0, true),
  shape("constant", constant, 22_000_000, 11_000_000, 0, true),
  shape("coarse", coarse, 22_000_000, 11_000_000, 0, true),
  shape("half-precision", halfPrecision, 22_000_000, 11_000_000, 0, true),
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
  selectCase(shape("outside of the bracket of", missed(SHARED), SHARED, 400_000, 5), "lowest-index"),
  // Arenas larger than a binding, here of 64 KiB: the threshold, its ties and the boundary words meet across pieces.
  ...[shape("products", products, 40_009, 20_000, 3), shape("coarse", coarse, MANY, 140_001, 95)].map((range) =>
    selectCase(range, "lowest-index", { largestBinding: 65_536 }),
  ),
];

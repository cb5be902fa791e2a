import { selectAbove, selectShare, selectWithin } from "../../src/kernels/select-cut.js";
import { EXACT } from "../harness/close.js";
import type { Arrays, KernelCase } from "../harness/kernel-case.js";
import { maskWords, randomGenerator } from "../harness/random.js";
import {
  coarse,
  compareScores,
  constant,
  floatBits,
  halfZeros,
  integers,
  products,
  rankOrder,
  type ScoreFill,
  signed,
  special,
} from "../harness/scores.js";

type Order = Uint32Array;

interface CutCase {
  readonly name: string;
  readonly fill: ScoreFill;
  readonly count: number;
  readonly offset: number;
  readonly run: KernelCase["run"];
  /** How many of the scores in this order, from the smallest, are pruned, and the last result word. */
  readonly cut: (order: Order, inputs: Arrays) => { pruned: number; kept: number; threshold?: number };
  readonly benchOnly?: boolean;
}

function cutCase({ name, fill, count, offset, run, cut, benchOnly }: CutCase): KernelCase {
  const length = offset + count + 75;
  return {
    name,
    inputs: () => {
      const next = randomGenerator(count);
      return {
        scores: fill(length, count),
        costs: Uint32Array.from({ length }, () => Math.floor(next() * 100)),
        keep: maskWords(Math.ceil(length / 32) * 32, count),
      };
    },
    outputs: { keep: { length: Math.ceil(length / 32), type: "u32" }, result: { length: 3, type: "u32" } },
    run,
    oracle: (inputs) => {
      const scores = inputs.scores as Float32Array;
      const order = rankOrder(scores, offset, count);
      const {
        pruned,
        kept,
        threshold = pruned === 0 ? Number.NaN : scores[order[pruned - 1]] + 0,
      } = cut(order, inputs);
      const keep = Uint32Array.from(inputs.keep);
      order.forEach((i, rank) => {
        if (rank < pruned) keep[i >> 5] &= ~(1 << (i & 31));
        else keep[i >> 5] |= 1 << (i & 31);
      });
      return { keep, result: [floatBits(threshold), pruned, kept] };
    },
    tolerance: EXACT,
    bytes: 4.125 * count,
    benchOnly,
  };
}

type Shape = [fill: ScoreFill, count: number, offset: number, part: number, benchOnly?: boolean];

const shapes: Shape[] = [
  [signed, 1, 0, 1],
  [signed, 1, 70, 0],
  [signed, 31, 1, 0.5],
  [signed, 1021, 2047, 0.01],
  [constant, 4099, 17, 0.4],
  [special, 10_007, 3, 0.3],
  [halfZeros, 9973, 33, 0.9],
  [coarse, 70_001, 95, 0.25],
  [products, 70_001, 0, 1],
  [products, 2_359_296, 0, 0.5, true],
];

function within([fill, count, offset, part, benchOnly]: Shape): KernelCase {
  const budgetOf = (costs: ArrayLike<number>) => {
    let total = 0;
    for (let i = offset; i < offset + count; i++) total += costs[i];
    return Math.floor(part * total);
  };
  const next = randomGenerator(count);
  const costs = Array.from({ length: offset + count }, () => Math.floor(next() * 100));
  const budget = budgetOf(costs);
  return cutCase({
    name: `selectWithin ${part} of the cost of ${count} ${fill.name} from ${offset}`,
    fill,
    count,
    offset,
    benchOnly,
    run: (gpu, { scores, costs, keep, result }) =>
      selectWithin(gpu, { scores, costs, keep, result }, { offset, count, budget }),
    cut: (order, { costs }) => {
      let kept = order.reduce((sum, i) => sum + costs[i], 0);
      let pruned = 0;
      while (kept > budget) kept -= costs[order[pruned++]];
      return { pruned, kept };
    },
  });
}

const share = ([fill, count, offset, part, benchOnly]: Shape): KernelCase =>
  cutCase({
    name: `selectShare ${part} of the sum of ${count} ${fill.name} from ${offset}`,
    fill,
    count,
    offset,
    benchOnly,
    run: (gpu, { scores, keep, result }) => selectShare(gpu, { scores, keep, result }, { offset, count, share: part }),
    cut: (order, { scores }) => {
      const term = (i: number) => (scores[i] > 0 ? scores[i] : 0);
      const total = order.reduce((sum, i) => sum + term(i), 0);
      let kept = total;
      let pruned = 0;
      while (pruned < count && kept - term(order[pruned]) >= Math.fround(Math.fround(part) * total)) {
        kept -= term(order[pruned++]);
      }
      return { pruned, kept: floatBits(kept) };
    },
  });

const above = (fill: ScoreFill, count: number, offset: number, threshold: number): KernelCase =>
  cutCase({
    name: `selectAbove ${threshold} of ${count} ${fill.name} from ${offset}`,
    fill,
    count,
    offset,
    run: (gpu, { scores, keep, result }) => selectAbove(gpu, { scores, keep, result }, { offset, count, threshold }),
    cut: (order, { scores }) => {
      const pruned = order.filter((i) => compareScores(scores[i], Math.fround(threshold)) < 0).length;
      return { pruned, kept: 0, threshold };
    },
  });

export const cases: KernelCase[] = [
  ...shapes.map(within),
  ...[
    [integers, 1, 0, 1],
    [integers, 1, 70, 1e-6],
    [integers, 1021, 2047, 0.01],
    [integers, 4099, 17, 0.4],
    [integers, 10_007, 33, 0.95],
    [halfZeroIntegers, 9973, 3, 1],
    [signedIntegers, 5003, 3, 0.5],
  ].map((shape) => share(shape as Shape)),
  above(signed, 1, 0, 0),
  above(signed, 1021, 2047, 0.5),
  above(coarse, 30_011, 95, -0.25),
  above(halfZeros, 9973, 33, 0),
  above(halfZeros, 9973, 33, 1e-45),
  above(special, 10_007, 3, -Infinity),
  above(special, 10_007, 3, Infinity),
  above(special, 10_007, 3, 1e-40),
  above(products, 22_000, 0, -0),
];

/** Small whole numbers, whose sums are exact. */
function halfZeroIntegers(length: number, seed: number): Float32Array {
  return integers(length, seed).map((value, i) => (i % 2 ? 0 : value));
}

function signedIntegers(length: number, seed: number): Float32Array {
  return integers(length, seed).map((value, i) => (i % 97 === 0 ? Number.NaN : value - 100));
}

/** The Selector against plain JavaScript over random units, scores and options, and what it refuses. */
import { describe, expect, test } from "vitest";
import { unpackBits } from "../../src/kernels/bits.js";
import { type Amount, type SelectOptions, Selector } from "../../src/prune/index.js";
import type { PlacedGroup, UnitSpace } from "../../src/prune/units.js";
import { Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { randomGenerator } from "../harness/random.js";
import { keysOf, limitsOf, selectOracle } from "./select-oracle.js";

type Random = () => number;

const integer = (next: Random, low: number, high: number) => low + Math.floor(next() * (high - low + 1));
const pick = <T>(next: Random, list: readonly T[]): T => list[Math.floor(next() * list.length)];

function spaceOf(units: readonly number[], costs: readonly number[] = [], inputs?: number): UnitSpace {
  let count = 0;
  const groups = units.map((units, index): PlacedGroup => {
    const cost = { parameters: costs[index] ?? 1, flops: 2 * (costs[index] ?? 1) };
    const group = { name: `group ${index}`, units, members: [], offset: count, cost, inputs };
    count += units;
    return group;
  });
  return { groups, count };
}

const randomSpace = (next: Random): UnitSpace => {
  const groups = integer(next, 1, 6);
  const units = Array.from({ length: groups }, () => integer(next, 1, pick(next, [3, 40, 700])));
  const kind = pick(next, [1, 12, 0.37]);
  const most = pick(next, [1, 9]);
  return spaceOf(
    units,
    units.map(() => kind * integer(next, 1, most)),
  );
};

/** Whole numbers with ties, so that sums are exact, now and then something strange. */
const randomScores = (next: Random, count: number): Float32Array => {
  const levels = pick(next, [2, 30, 4000]);
  const strange = next() < 0.3 ? [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -3, -0] : [];
  return Float32Array.from({ length: count }, () =>
    strange.length > 0 && next() < 0.05 ? pick(next, strange) : Math.floor(next() * levels),
  );
};

const amounts: readonly ((next: Random, space: UnitSpace) => Amount)[] = [
  (next) => ({ sparsity: integer(next, 0, 99) / 100 }),
  (next) => ({ sparsityOfAlive: integer(next, 0, 99) / 100 }),
  (next, { count }) => ({ remove: integer(next, 0, count) }),
  (next) => ({ threshold: integer(next, -1, 60) }),
  (next) => ({ share: pick(next, [0.25, 0.5, 0.875, 1]) }),
  (next) => ({ budget: { cost: pick(next, ["parameters", "flops"] as const), keep: { fraction: next() } } }),
  (next, { count }) => ({
    budget: { cost: ({ units }) => 1 + (units % 7), keep: integer(next, 0, 8 * count), fixed: 0 },
  }),
];

const key = ({ offset, units }: { offset?: number; units: number }) => `${offset === 0 || units > 20}`;

function randomOptions(next: Random, space: UnitSpace): SelectOptions {
  const scopes: SelectOptions["scope"][] = ["global", "layer", undefined];
  const keys = space.groups.map(key as never);
  if (keys.every((value, i) => keys.indexOf(value) === i || value === keys[i - 1])) scopes.push(key as never);
  const limit = (part: number) =>
    pick(next, [undefined, part, 1, 3, (group: PlacedGroup) => Math.ceil(group.units * part)]);
  const floor = next() < 0.4 ? limit(0.2) : undefined;
  const ceiling =
    next() < 0.3 ? pick(next, [0.9, (group: PlacedGroup) => Math.max(3, Math.ceil(group.units * 0.8))]) : undefined;
  return { scope: pick(next, scopes), floor, ceiling, monotone: pick(next, [undefined, true, false]) };
}

async function run(
  space: UnitSpace,
  options: SelectOptions,
  steps: readonly { scores: Float32Array; amount: Amount }[],
) {
  const gpu = await sharedGpu();
  const selector = new Selector(gpu, space, options);
  const results = [];
  try {
    for (const { scores: data, amount } of steps) {
      const scores = Tensor.from(gpu, data);
      await selector.select(scores, amount);
      expect(new Uint32Array((await scores.readWords()).buffer)).toEqual(new Uint32Array(data.buffer));
      gpu.release(scores);
      results.push({
        keep: [...unpackBits(await selector.keep.readWords(), space.count)],
        read: await selector.read(),
      });
    }
    return results;
  } finally {
    selector.release();
  }
}

const describeCase = (seed: number, space: UnitSpace, options: SelectOptions, amount: Amount) =>
  `seed ${seed}: ${space.groups.map(({ units }) => units)} ${JSON.stringify({ options, amount })}`;

describe("agrees with plain JavaScript", () => {
  test.each(amounts.map((amountOf, kind) => [Object.keys(amountOf(() => 0.5, spaceOf([9])))[0], kind] as const))(
    "amount %s (%d)",
    async (_, kind) => {
      for (let round = 0; round < 25; round++) {
        const seed = kind * 1000 + round;
        const next = randomGenerator(seed);
        const space = randomSpace(next);
        const options = randomOptions(next, space);
        const steps = [0, 1].map(() => ({
          scores: randomScores(next, space.count),
          amount: amounts[kind](next, space),
        }));
        let results: Awaited<ReturnType<typeof run>>;
        try {
          results = await run(space, options, steps);
        } catch (error) {
          expect(String(error)).toMatch(/UsageError: (floor|budget): expected/);
          continue;
        }
        let before: number[] | undefined;
        results.forEach(({ keep, read }, step) => {
          const { scores, amount } = steps[step];
          const what = describeCase(seed, space, options, amount);
          const want = selectOracle({ space, scores, options, amount, before });
          const differs = keep.findIndex((bit, i) => bit !== want[i]);
          expect(differs, what).toBe(-1);
          const pruned = read.reduce((sum, selection) => sum + selection.pruned, 0);
          expect(pruned, what).toBe(want.filter((bit) => !bit).length);
          before = want;
        });
      }
    },
  );

  test("multiples: allowed counts, each group's best, nearest total", async () => {
    for (let seed = 0; seed < 40; seed++) {
      const next = randomGenerator(seed + 77);
      const space = randomSpace(next);
      const { floor, scope } = randomOptions(next, space);
      const multiple = pick(next, [2, 8, 16]);
      const amount: Amount = pick(next, [{ sparsity: next() * 0.99 }, { threshold: integer(next, 0, 30) }]);
      const scores = randomScores(next, space.count);
      const options: SelectOptions = { scope, floor, multipleOf: multiple };
      const what = describeCase(seed, space, options, amount);
      let got: Awaited<ReturnType<typeof run>>[0];
      try {
        [got] = await run(space, options, [{ scores, amount }]);
      } catch (error) {
        expect(String(error)).toMatch(/UsageError: floor: expected/);
        continue;
      }
      const plain = selectOracle({ space, scores, options, amount });
      const keyOf = keysOf(options);
      const off = new Map<string, number>();
      for (const group of space.groups) {
        const { offset, units } = group;
        const count = (bits: readonly number[]) => bits.slice(offset, offset + units).reduce((a, b) => a + b, 0);
        const [kept, asked] = [count(got.keep), count(plain)];
        expect(kept === units || kept % multiple === 0, what).toBe(true);
        expect(kept, what).toBeGreaterThanOrEqual(limitsOf(group, options).least);
        expect(Math.abs(kept - asked), what).toBeLessThan(multiple + limitsOf(group, options).least);
        off.set(keyOf(group), (off.get(keyOf(group)) ?? 0) + kept - asked);
        const best = selectOracle({
          space: { groups: [{ ...group, offset: 0 }], count: units },
          scores: scores.slice(offset, offset + units),
          options: {},
          amount: { remove: units - kept },
        });
        expect(got.keep.slice(offset, offset + units), what).toEqual(best);
      }
      if (!floor) for (const rest of off.values()) expect(Math.abs(rest), what).toBeLessThanOrEqual(multiple / 2);
    }
  });

  test("budgets in costs that have no common measure are met within the dearest unit", async () => {
    const next = randomGenerator(11);
    const units = [90_000, 140_000, 70_000];
    const each = [0.0123, 0.0371, Math.PI / 1000];
    const space = spaceOf(units);
    const cost = ({ offset }: PlacedGroup) => each[space.groups.findIndex((group) => group.offset === offset)];
    const total = units.reduce((sum, count, i) => sum + count * each[i], 0);
    const steps = [0.61, 0.33].map((fraction) => ({
      scores: Float32Array.from({ length: space.count }, () => next()),
      amount: { budget: { cost, keep: { fraction } } } as const,
    }));
    const results = await run(space, {}, steps);
    results.forEach(({ keep, read }, step) => {
      const spent = space.groups.reduce(
        (sum, group) =>
          sum + cost(group) * keep.slice(group.offset, group.offset + group.units).reduce((a, b) => a + b, 0),
        0,
      );
      const left = steps[step].amount.budget.keep.fraction * total - spent;
      expect(read[0].cost).toBeCloseTo(spent, 6);
      expect(left).toBeGreaterThanOrEqual(-1e-9 * total);
      expect(left).toBeLessThan(Math.max(...each));
    });
    results[1].keep.forEach((bit, i) => void expect(bit).toBeLessThanOrEqual(results[0].keep[i]));
  });

  test("multiples within a budget, and monotone", async () => {
    const next = randomGenerator(5);
    const space = spaceOf([64, 100, 30, 256], [7, 3, 11, 2]);
    const total = space.groups.reduce((sum, { units, cost }) => sum + units * cost.parameters, 0);
    const steps = [0.7, 0.4].map((fraction) => ({
      scores: randomScores(next, space.count),
      amount: { budget: { cost: "parameters", keep: { fraction } } } as const,
    }));
    const results = await run(space, { multipleOf: 8 }, steps);
    results.forEach(({ keep, read }, step) => {
      let cost = 0;
      for (const { offset, units, cost: each } of space.groups) {
        const kept = keep.slice(offset, offset + units).reduce((a, b) => a + b, 0);
        expect(kept % 8 === 0 || kept === units).toBe(true);
        cost += kept * each.parameters;
      }
      expect(read[0].cost).toBeCloseTo(cost, 6);
      const budget = steps[step].amount.budget.keep.fraction * total;
      expect(cost).toBeLessThanOrEqual(budget);
      expect(cost).toBeGreaterThan(budget - 8 * 11);
    });
    results[1].keep.forEach((bit, i) => {
      expect(bit).toBeLessThanOrEqual(results[0].keep[i]);
    });
  });

  test("N:M keeps the best of each run, and what was pruned stays pruned", async () => {
    const next = randomGenerator(8);
    const space = spaceOf([6 * 16, 5 * 32], [], 16);
    const steps = [0, 1].map(() => ({ scores: randomScores(next, space.count), amount: { sparsity: 0.75 } as const }));
    const [first, second] = await run(space, { pattern: "1:4", monotone: false }, steps);
    for (const [keep, { scores }] of [
      [first.keep, steps[0]],
      [second.keep, steps[1]],
    ] as const) {
      for (let run = 0; run < space.count; run += 4) {
        const best = selectOracle({
          space: spaceOf([4]),
          scores: scores.slice(run, run + 4),
          options: {},
          amount: { remove: 3 },
        });
        expect(keep.slice(run, run + 4)).toEqual(best);
      }
    }
    expect(first.read).toEqual([{ threshold: Number.NaN, pruned: (space.count * 3) / 4 }]);
    const again = await run(space, { pattern: "1:4" }, steps);
    expect(again[1].keep).toEqual(again[0].keep);
  });
});

test("reference prunes every tie and ranks pruned units anew", async () => {
  const scores = Float32Array.of(1, 2, 2, 2, 3, 4, 5, 6);
  const steps = [
    { scores, amount: { sparsity: 0.25 } },
    { scores: scores.toReversed(), amount: { sparsity: 0.25 } },
  ];
  const [first, second] = await run(spaceOf([8]), { reference: true }, steps);
  expect(first).toEqual({ keep: [0, 0, 0, 0, 1, 1, 1, 1], read: [{ threshold: 2, pruned: 4 }] });
  expect(second.keep).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
});

test("reference with monotone ranks pruned units below all others, and prunes the ties of the rest", async () => {
  const scores = Float32Array.of(1, 2, 2, 2, 3, 4, 5, 6);
  const steps = [
    { scores, amount: { sparsity: 0.25 } },
    { scores: scores.toReversed(), amount: { sparsity: 0.5 } },
    { scores: scores.toReversed(), amount: { sparsity: 0.625 } },
    { scores: Float32Array.of(9, 9, 9, 9, 7, 7, 7, 8), amount: { sparsity: 0.75 } },
  ];
  const results = await run(spaceOf([8]), { reference: true, monotone: true }, steps);
  expect(results.map(({ keep }) => keep)).toEqual([
    [0, 0, 0, 0, 1, 1, 1, 1], // the second smallest, and its ties
    [0, 0, 0, 0, 1, 1, 1, 1], // four are gone already
    [0, 0, 0, 0, 1, 1, 1, 0], // one more
    [0, 0, 0, 0, 0, 0, 0, 0], // the sixth smallest is 7, and so are the others that are left
  ]);
  expect(results[2].read).toEqual([{ threshold: 1, pruned: 5 }]);
});

test("a selector goes on from keep bits, and forgets them", async () => {
  const gpu = await sharedGpu();
  const selector = new Selector(gpu, spaceOf([6]));
  const scores = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4, 5, 6));
  const bits = async () => [...unpackBits(await selector.keep.readWords(), 6)];
  expect(await bits()).toEqual([1, 1, 1, 1, 1, 1]);
  selector.restore(Uint32Array.of(0b001111));
  expect(await selector.read()).toEqual([{ threshold: Number.NaN, pruned: 2 }]);
  await selector.select(scores, { sparsityOfAlive: 0.5 });
  expect(await bits()).toEqual([0, 0, 1, 1, 0, 0]);
  selector.reset();
  await selector.select(scores, { remove: 3 });
  expect(await bits()).toEqual([0, 0, 0, 1, 1, 1]);
  selector.release();
  gpu.release(scores);
});

test("counts are selected without waiting, so that a selection can be recorded", async () => {
  const gpu = await sharedGpu();
  const selector = new Selector(gpu, spaceOf([5, 4]), { scope: "layer", floor: 1 });
  const scores = Tensor.from(gpu, Float32Array.of(5, 4, 3, 2, 1, 1, 2, 3, 4));
  using recording = gpu.record(() => void selector.select(scores, { sparsity: 0.5 }));
  recording.replay();
  expect([...unpackBits(await selector.keep.readWords(), 9)]).toEqual([1, 1, 1, 0, 0, 0, 0, 1, 1]);
  selector.release();
  gpu.release(scores);
});

describe("refuses", () => {
  const space = spaceOf([8, 4], [2, 3], 4);
  const refused = async (options: SelectOptions, amount: Amount = { sparsity: 0.5 }, of = space) => {
    const scores = new Float32Array(of.count);
    return run(of, options, [{ scores, amount }]);
  };

  test.each<[string, SelectOptions, Amount | undefined, RegExp]>([
    ["reference with a floor", { reference: true, floor: 1 }, undefined, /reference: expected the authors' rule alone/],
    ["reference with a threshold", { reference: true }, { threshold: 1 }, /reference: expected a sparsity as amount/],
    ["a pattern with multiples", { pattern: "2:4", multipleOf: 8 }, undefined, /pattern: expected a pattern alone/],
    ["another amount than a pattern's", { pattern: "2:4" }, { sparsity: 0.6 }, /pattern: expected sparsity 0.5/],
    ["no pattern", { pattern: "2:5" }, undefined, /pattern: expected n:m/],
    ["inputs that are not whole runs", { pattern: "4:8" }, undefined, /pattern: expected inputs in steps of 8/],
    [
      "a floor above the ceiling",
      { floor: 5, ceiling: 2 },
      undefined,
      /floor: expected at most the ceiling of group 0/,
    ],
    ["a part of a unit", { floor: 1.5 }, undefined, /floor: expected a part below 1 or a whole number/],
    [
      "no multiple between the limits",
      { floor: 5, ceiling: 7, multipleOf: 8 },
      undefined,
      /multipleOf: expected a multiple/,
    ],
    ["multiples of nothing", { multipleOf: 0 }, undefined, /multipleOf: expected 1 or more/],
    ["floors above the amount", { floor: 0.75 }, undefined, /floor: expected floors that leave 6 units to prune/],
    [
      "a budget below the floors",
      { floor: 2 },
      { budget: { cost: "parameters", keep: 9 } },
      /budget: expected at least 10 for floors, got 9/,
    ],
    [
      "a budget below what is protected",
      {},
      { budget: { cost: "parameters", keep: 9, fixed: 10 } },
      /budget: expected at least 10 for protected parts/,
    ],
    ["costs below 0", {}, { budget: { cost: () => -1, keep: 9 } }, /budget: expected a cost of 0 or more/],
    ["a sparsity of 1", {}, { sparsity: 1 }, /sparsity: expected a part in \[0, 1\), got 1/],
    ["a share of 0", {}, { share: 0 }, /share: expected a share/],
    ["more units than there are", {}, { remove: 13 }, /remove: expected 0 to 12 units/],
    ["two amounts", {}, { sparsity: 0.5, remove: 3 } as Amount, /amount: expected one of .* got sparsity and remove/],
  ])("%s", async (_, options, amount, message) => {
    await expect(refused(options, amount)).rejects.toThrow(message);
  });

  test("groups of one key that lie apart", async () => {
    const three = spaceOf([2, 2, 2]);
    const scope = ({ name }: { name: string }) => String(name === "group 1");
    await expect(refused({ scope }, undefined, three)).rejects.toThrow(
      /scope: expected groups of one key side by side/,
    );
  });

  test("a pattern over units that are not weights", async () => {
    await expect(refused({ pattern: "2:4" }, undefined, spaceOf([8]))).rejects.toThrow(
      /pattern: expected the single weights/,
    );
  });
});

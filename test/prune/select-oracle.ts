/** Selection in plain JavaScript, by the letter of `SelectOptions` and `Amount`, for up to some thousand units. */
import type { Amount, SelectOptions } from "../../src/prune/index.js";
import type { PlacedGroup, UnitSpace } from "../../src/prune/units.js";
import { compareScores } from "../harness/scores.js";

export interface OracleInput {
  readonly space: UnitSpace;
  readonly scores: Float32Array;
  readonly options: SelectOptions;
  readonly amount: Amount;
  /** Bits of the selection before, 1 = keep. */
  readonly before?: readonly number[];
}

type Key = (group: PlacedGroup) => string;

const perGroup = (value: SelectOptions["floor"], group: PlacedGroup, absent: number): number =>
  typeof value === "function" ? value(group) : (value ?? absent);

const unitsOf = (value: number, units: number, round: (x: number) => number): number =>
  value >= 1 ? Math.min(value, units) : round(Number((value * units).toFixed(6)));

export function limitsOf(group: PlacedGroup, { floor, ceiling }: SelectOptions): { least: number; most: number } {
  const ceilingValue = perGroup(ceiling, group, Number.POSITIVE_INFINITY);
  return {
    least: unitsOf(perGroup(floor, group, 0), group.units, Math.ceil),
    most: unitsOf(ceilingValue, group.units, Math.floor),
  };
}

const unitsIn = ({ offset, units }: PlacedGroup): number[] => Array.from({ length: units }, (_, i) => offset + i);

export const keysOf = ({ scope = "global" }: SelectOptions): Key => {
  if (typeof scope === "function") return scope;
  return scope === "layer" ? ({ name }) => name : () => "";
};

/** 1 for each unit that stays. Does not know multiples. */
export function selectOracle({ space, scores, options, amount, before }: OracleInput): number[] {
  const keep = Array<number>(space.count).fill(1);
  const monotone = options.monotone ?? !options.reference;
  /** 0 goes first, 2 stays longest. */
  const place = Array<number>(space.count).fill(1);
  const byPlace = (a: number, b: number) => place[a] - place[b] || compareScores(scores[a], scores[b]) || a - b;
  for (let i = 0; i < space.count; i++) if (monotone && before?.[i] === 0) place[i] = 0;
  for (const group of space.groups) {
    const { least, most } = limitsOf(group, options);
    const order = unitsIn(group).sort(byPlace);
    for (const i of order.slice(0, group.units - most)) place[i] = 0;
    for (const i of order.slice(group.units - least)) place[i] = 2;
  }
  const keyOf = keysOf(options);
  const keys = [...new Set([...space.groups].sort((a, b) => a.offset - b.offset).map(keyOf))];
  const ranges = keys.map((key) => space.groups.filter((group) => keyOf(group) === key));
  ranges.forEach((groups, range) => {
    const units = groups.flatMap(unitsIn).sort(byPlace);
    const first = units.filter((i) => place[i] === 0).length;
    const last = units.filter((i) => place[i] === 2).length;
    const gone = Math.min(Math.max(pruneCount(range, groups, units), first), units.length - last);
    for (const i of units.slice(0, gone)) keep[i] = 0;
  });
  return keep;

  function pruneCount(range: number, groups: readonly PlacedGroup[], units: readonly number[]): number {
    const count = units.length;
    if ("sparsity" in amount) {
      const asked = Math.floor(count * amount.sparsity + (options.reference ? 0 : 1e-6));
      if (!options.reference || asked === 0) return asked;
      return units.filter((i) => compareScores(scores[i], scores[units[asked - 1]]) <= 0).length;
    }
    if ("sparsityOfAlive" in amount) {
      const dead = monotone && before ? units.filter((i) => !before[i]).length : 0;
      return dead + Math.floor((count - dead) * amount.sparsityOfAlive + 1e-6);
    }
    if ("remove" in amount) {
      const parts = ranges.map((list) => (amount.remove * list.reduce((sum, g) => sum + g.units, 0)) / space.count);
      const result = parts.map(Math.floor);
      for (let left = amount.remove - result.reduce((a, b) => a + b, 0); left > 0; left--) {
        let best = 0;
        parts.forEach((part, i) => {
          if (part - result[i] > parts[best] - result[best]) best = i;
        });
        result[best]++;
      }
      return result[range];
    }
    if ("threshold" in amount) {
      const low = units.filter((i) => compareScores(scores[i], Math.fround(amount.threshold)) < 0 && place[i] === 1);
      return units.filter((i) => place[i] === 0).length + low.length;
    }
    const cost = new Map(groups.flatMap((group) => unitsIn(group).map((i) => [i, costOf(group)] as const)));
    const term = (i: number) => ("share" in amount ? (scores[i] > 0 ? scores[i] : 0) : cost.get(i)!);
    let kept = units.reduce((sum, i) => sum + term(i), 0);
    let gone = 0;
    if ("share" in amount) {
      const limit = Math.fround(Math.fround(amount.share) * kept);
      gone = count;
      for (let sum = 0; gone > 0 && sum < limit; ) sum += term(units[--gone]);
      return gone;
    }
    const total = space.groups.reduce((sum, group) => sum + group.units * costOf(group), 0);
    const limit = (budgetOf(total) * kept) / total;
    while (kept > limit * (1 + 1e-12)) kept -= term(units[gone++]);
    return gone;
  }

  function costOf(group: PlacedGroup): number {
    if (!("budget" in amount)) return 0;
    const { cost } = amount.budget;
    return typeof cost === "function" ? cost(group) : group.cost[cost];
  }

  function budgetOf(total: number): number {
    if (!("budget" in amount)) return 0;
    const { keep, fixed = 0 } = amount.budget;
    return Math.min(total, (typeof keep === "number" ? keep : keep.fraction * (total + fixed)) - fixed);
  }
}

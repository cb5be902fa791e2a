/** Costs of units as whole numbers, which the device adds up exactly. */
import { UsageError } from "../errors.js";
import { checkName } from "./check-name.js";
import type { Budget } from "./select-options.js";
import type { LimitedGroup, RankedRange } from "./select-ranges.js";

/** A budget in whole numbers, and where they are rounded in the numbers they stand for. */
export interface IntegerBudget {
  /** Cost of a unit, by group name. */
  readonly costs: ReadonlyMap<string, number>;
  /** What may be kept, range by range. */
  readonly limits: readonly number[];
  /** Whole numbers in one unit of the cost. */
  readonly scale: number;
  /** What every unit costs, where all cost the same: the budget is a number of units then. */
  readonly uniform: number | undefined;
  /** Costs and limits before rounding; undefined where nothing was rounded. */
  readonly rounded: RoundedBudget | undefined;
}

/** What whole numbers stand for. */
export interface RoundedBudget {
  readonly costs: ReadonlyMap<string, number>;
  readonly limits: readonly number[];
}

/** How many more units than `kept` (by group) a range can keep for certain, whichever they are. */
export function unitsToSpare(
  { costs }: RoundedBudget,
  limit: number,
  groups: readonly LimitedGroup[],
  kept: readonly number[],
): number {
  const spent = groups.reduce((sum, { name }, index) => sum + kept[index] * costs.get(name)!, 0);
  const open = groups.filter(({ most }, index) => kept[index] < most);
  const dearest = Math.max(0, ...open.map(({ name }) => costs.get(name)!));
  const left = open.reduce((sum, group) => sum + group.most - kept[groups.indexOf(group)], 0);
  return dearest > 0 ? Math.min(left, Math.floor((limit - spent) / dearest)) : left;
}

const LARGEST = 2 ** 32 - 1;

function costOf(group: LimitedGroup, cost: Budget["cost"]): number {
  if (typeof cost !== "function") checkName("budget: cost", cost, [...Object.keys(group.cost), "(group) => cost"]);
  const each = typeof cost === "function" ? cost(group) : group.cost[cost];
  if (each >= 0 && each < Number.POSITIVE_INFINITY) return each;
  throw new UsageError(`budget: expected a cost of 0 or more for a unit of ${group.name}, got ${each}; correct it`);
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/**
 * Whole costs are divided by their greatest common divisor, which is exact. Others, and those whose sum does not fit into 32 bits, are scaled so that it
 * does and rounded up, so that the budget is never exceeded; the selector then takes up what rounding left. Several ranges get the same part of their costs.
 * @throws UsageError when the budget is negative, or smaller than what has to stay.
 */
export function integerBudget(ranges: readonly RankedRange[], { cost, keep, fixed = 0 }: Budget): IntegerBudget {
  const groups = ranges.flatMap(({ groups }) => groups);
  const each = new Map(groups.map((group) => [group.name, costOf(group, cost)]));
  const totalOf = (list: readonly LimitedGroup[], units: (group: LimitedGroup) => number, of = each) =>
    list.reduce((sum, group) => sum + units(group) * of.get(group.name)!, 0);
  const all = ({ units }: LimitedGroup) => units;
  const total = totalOf(groups, all);
  const wanted = typeof keep === "number" ? keep : keep.fraction * (total + fixed);
  if (typeof keep === "number" && typeof cost === "string" && keep > 0 && keep < 1) {
    throw new UsageError(
      `budget: expected a number of ${cost} to keep, got ${keep}; keep: { fraction: ${keep} } keeps a part`,
    );
  }
  if (!(wanted >= 0)) throw new UsageError(`budget: expected 0 or more to keep, got ${wanted}; correct it`);

  const values = [...each.values()];
  const common = values.every(Number.isInteger) ? values.reduce(divisor, 0) || 1 : 0;
  const units = groups.reduce((sum, group) => sum + group.units, 0);
  const exact = common > 0 && total / common <= LARGEST;
  const scale = exact ? 1 / common : (LARGEST - units) / total;
  const costs = new Map(Array.from(each, ([name, value]) => [name, exact ? value / common : Math.ceil(value * scale)]));
  const wholeLimits: number[] = [];
  const limits = ranges.map((range) => {
    const least = totalOf(range.groups, (group) => group.least);
    const here = totalOf(range.groups, all);
    const most = total === 0 ? 0 : Math.min(here, (wanted - fixed) * (here / total));
    if (most < least - 1e-9 * total || wanted < fixed) {
      const got = `${wanted}${ranges.length > 1 ? ` over ${ranges.length} ranges` : ""}`;
      throw new UsageError(
        `budget: expected at least ${least + fixed} for ${fixed > 0 ? "protected parts and " : ""}floors, got ${got}; raise it or lower the floors`,
      );
    }
    wholeLimits.push(most);
    return Math.min(LARGEST, Math.floor(most * (exact ? 1 / common : scale) + 1e-6));
  });
  const [first, ...others] = new Set(costs.values());
  const uniform = others.length === 0 && first > 0 ? first : undefined;
  return { costs, limits, scale, uniform, rounded: exact ? undefined : { costs: each, limits: wholeLimits } };
}

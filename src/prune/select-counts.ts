/** From amounts to numbers of units. */
import { UsageError } from "../errors.js";
import type { IntegerBudget } from "./select-budget.js";
import type { Amount } from "./select-options.js";
import type { LimitedGroup, RankedRange } from "./select-ranges.js";

/** Amounts that say how many units go. */
export type CountAmount = Extract<Amount, { sparsity: number } | { sparsityOfAlive: number } | { remove: number }>;

export const isCount = (amount: Amount): amount is CountAmount =>
  "sparsity" in amount || "sparsityOfAlive" in amount || "remove" in amount;

/** Far more than floating point loses in `part * count`, far less than a unit. */
const ROUNDING = 1e-6;

/** Units that make up a part of so many, rounded down. */
export const partOf = (count: number, part: number): number => Math.floor(count * part + ROUNDING);

/** What a count depends on besides the amount. */
interface CountContext {
  /** Of the amount, where it is one. */
  readonly budget: IntegerBudget | undefined;
  /** Units that are pruned for good, range by range. */
  readonly pruned: readonly number[];
  /** Counts as the authors of PX do: int(count * part), which loses a unit where 0.1 * 1000 comes out as 99.99... */
  readonly reference?: boolean;
}

/**
 * How many units go in each range, those pruned for good included: what the amount asks for, parts rounded down, and never fewer than the ceilings do.
 * @throws UsageError when floors leave fewer units than are asked for.
 */
export function prunedCounts(ranges: readonly RankedRange[], amount: Amount, context: CountContext): number[] {
  const asked = askedCounts(ranges, amount, context);
  return ranges.map(({ groups }, index) => {
    const atLeast = Math.max(
      context.pruned[index],
      sumOf(groups, ({ units, most }) => units - most),
    );
    const atMost = sumOf(groups, ({ units, least }) => units - least);
    if (asked[index] > atMost) {
      const where = groups.length === 1 ? groups[0].name : `${groups[0].name} and what is ranked with it`;
      throw new UsageError(
        `floor: expected floors that leave ${asked[index]} units to prune in ${where}, got ${atMost}; lower the floors or prune less`,
      );
    }
    return Math.max(asked[index], atLeast);
  });
}

function askedCounts(
  ranges: readonly RankedRange[],
  amount: Amount,
  { budget, pruned, reference }: CountContext,
): number[] {
  if ("sparsityOfAlive" in amount) {
    return ranges.map(({ count }, i) => pruned[i] + partOf(count - pruned[i], amount.sparsityOfAlive));
  }
  if ("sparsity" in amount) {
    const { sparsity } = amount;
    return ranges.map(({ count }) => (reference ? Math.floor(count * sparsity) : partOf(count, sparsity)));
  }
  if ("remove" in amount) {
    const sizes = ranges.map(({ count }) => count);
    return inProportion(sizes, amount.remove);
  }
  const { limits, uniform = 1 } = budget!;
  return ranges.map(({ count }, i) => Math.max(0, count - Math.floor(limits[i] / uniform)));
}

/** Splits a whole number in proportion to the counts: rounded down, and what is left to the largest remainders. */
function inProportion(counts: readonly number[], whole: number): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const exact = counts.map((count) => (whole * count) / total);
  const result = exact.map(Math.floor);
  const left = whole - result.reduce((sum, part) => sum + part, 0);
  const byRemainder = exact.map((_, i) => i).sort((a, b) => exact[b] - result[b] - (exact[a] - result[a]) || a - b);
  for (const index of byRemainder.slice(0, left)) result[index]++;
  return result;
}

const sumOf = (groups: readonly LimitedGroup[], value: (group: LimitedGroup) => number): number =>
  groups.reduce((sum, group) => sum + value(group), 0);

/** From numbers of kept units to multiples, with a sum as near as it gets. */
import { UsageError } from "../errors.js";
import { allowedFrom, allowedUpTo, type LimitedGroup } from "./select-ranges.js";

/** A group and what was selected in it. */
export interface Rounded {
  readonly group: LimitedGroup;
  /** Units that the selection kept. */
  readonly kept: number;
  /** Units that are not pruned for good. */
  readonly alive: number;
  /** Of a unit. */
  readonly cost: number;
}

/**
 * Units to keep of each group. Every count goes down to the next one that is allowed; then the groups take the step up again, those with the largest part
 * of a step cut off first (the first of equal ones), as long as this brings the cost of all nearer to what it was, or keeps it within `limit`.
 * @throws UsageError when the fewest units that may stay cost more than the limit, or nothing is allowed.
 */
export function roundToMultiples(groups: readonly Rounded[], limit = Number.POSITIVE_INFINITY): number[] {
  const target = groups.reduce((sum, { kept, cost }) => sum + kept * cost, 0);
  const steps = groups.map(({ group, kept, alive, cost }, index) => {
    const limits = { ...group, most: Math.min(group.most, alive) };
    const low = allowedUpTo(kept, limits) ?? allowedFrom(kept, limits);
    if (low === undefined) {
      throw new UsageError(
        `multipleOf: expected a multiple of ${group.multiple} among the ${alive} units alive in ${group.name}, got none; lower the floor`,
      );
    }
    const high = allowedFrom(low + 1, limits) ?? low;
    return { index, low, high, cost, cut: high > low ? (kept - low) / (high - low) : 0 };
  });
  const result = steps.map(({ low }) => low);
  let total = steps.reduce((sum, { low, cost }) => sum + low * cost, 0);
  if (total > limit) {
    throw new UsageError(
      `budget: expected at least ${total} for what has to stay in multiples, got ${limit}; raise it`,
    );
  }
  for (const { index, low, high, cost } of [...steps].sort((a, b) => b.cut - a.cut || a.index - b.index)) {
    const step = (high - low) * cost;
    const nearer = limit < Number.POSITIVE_INFINITY || 2 * (target - total) >= step;
    if (step <= 0 || !nearer || total + step > limit) continue;
    result[index] = high;
    total += step;
  }
  return result;
}

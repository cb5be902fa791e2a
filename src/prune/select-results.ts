/** What the device wrote about a selection, range by range. */
import type { IntegerBudget } from "./select-budget.js";
import type { Selection } from "./select-options.js";
import type { LimitedGroup, RankedRange } from "./select-ranges.js";
import { RESULT_WORDS } from "./select-steps.js";

/** Words of an entry: its largest pruned score (NaN where none was pruned), units pruned, cost of the kept. */
function entryAt(words: Uint32Array, index: number): Required<Selection> {
  const [bits, pruned, cost] = words.subarray(index * RESULT_WORDS, (index + 1) * RESULT_WORDS);
  const [threshold] = new Float32Array(Uint32Array.of(bits).buffer);
  return { threshold: pruned > 0 ? threshold : Number.NaN, pruned, cost };
}

/** Entries are about ranges. */
export function rangeResults(words: Uint32Array, ranges: readonly RankedRange[], budget?: IntegerBudget): Selection[] {
  return ranges.map(({ count }, index) => {
    const { threshold, pruned, cost } = entryAt(words, index);
    if (!budget) return { threshold, pruned };
    const kept = budget.uniform ? (count - pruned) * budget.uniform : cost;
    return { threshold, pruned, cost: kept / budget.scale };
  });
}

/** Costs of what is kept of each range, from the numbers of units by group. */
export function keptCosts(
  ranges: readonly RankedRange[],
  costs: ReadonlyMap<string, number>,
  kept: readonly number[],
): number[] {
  let index = 0;
  return ranges.map(({ groups }) => groups.reduce((sum, { name }) => sum + kept[index++] * costs.get(name)!, 0));
}

/** Entries are about groups, in the order of the ranges. */
export function groupResults(words: Uint32Array, ranges: readonly RankedRange[], budget?: IntegerBudget): Selection[] {
  let index = 0;
  return ranges.map(({ groups }) => {
    const entries = groups.map((group) => ({ group, ...entryAt(words, index++) }));
    const thresholds = entries.filter(({ pruned }) => pruned > 0).map(({ threshold }) => threshold);
    const threshold = thresholds.length > 0 ? Math.max(...thresholds) : Number.NaN;
    const pruned = entries.reduce((sum, entry) => sum + entry.pruned, 0);
    if (!budget) return { threshold, pruned };
    const costOf = ({ name, units }: LimitedGroup, gone: number) => (units - gone) * budget.costs.get(name)!;
    const cost = entries.reduce((sum, entry) => sum + costOf(entry.group, entry.pruned), 0);
    return { threshold, pruned, cost: cost / budget.scale };
  });
}

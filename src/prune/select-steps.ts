/** The steps of a selection on the device. */
import type { Gpu } from "../gpu/index.js";
import { maskByteLength } from "../kernels/mask.js";
import { demotePruned, promoteKept } from "../kernels/pin-scores.js";
import { countKeptRanges, fillRanges } from "../kernels/ranges.js";
import { selectAbove, selectShare, selectWithin } from "../kernels/select-cut.js";
import { selectRanges } from "../kernels/select-ranges.js";
import type { ScoreRange } from "../kernels/sort.js";
import { Tensor } from "../tensor/index.js";
import type { IntegerBudget } from "./select-budget.js";
import type { CountAmount } from "./select-counts.js";
import type { Amount } from "./select-options.js";
import type { LimitedGroup, RankedRange } from "./select-ranges.js";

/** Words that a selection writes about a range: threshold, units pruned, sum or cost of the kept. */
export const RESULT_WORDS = 3;

/** What a selection reads and writes. */
export interface Selecting {
  readonly gpu: Gpu;
  readonly scores: Tensor;
  /** The scores with units taken out of the ranking; the same tensor where none are. */
  readonly ranked: Tensor;
  readonly keep: Tensor;
  readonly results: Tensor;
  readonly ranges: readonly RankedRange[];
}

/**
 * Scores to rank by: units that `pruned` (optional keep bits) has removed and those past a group's ceiling come last, those that make up its floor
 * first. A new tensor, or the scores themselves where nothing changes.
 */
export function rankedScores(
  gpu: Gpu,
  scores: Tensor,
  groups: readonly LimitedGroup[],
  pruned: Tensor | undefined,
): Tensor {
  const floors = groups.some(({ least }) => least > 0);
  const ceilings = groups.some(({ most, units }) => most < units);
  if (!pruned && !floors && !ceilings) return scores;
  const ranked = Tensor.empty(gpu, scores.shape);
  gpu.copy(scores.buffer, ranked.buffer);
  const length = scores.size;
  if (pruned) demotePruned(gpu, { scores: ranked, keep: pruned }, { length });
  using _temporaries = gpu.scope();
  const keep = gpu.allocate(maskByteLength(length));
  const keepInGroups = (kept: (group: LimitedGroup) => number) =>
    selectRanges(
      gpu,
      { scores: ranked, keep },
      groups.map((group) => pruneOf(group, group.units - kept(group))),
    );
  if (ceilings) {
    keepInGroups(({ most }) => most);
    demotePruned(gpu, { scores: ranked, keep }, { length });
  }
  if (floors) {
    keepInGroups(({ least }) => least);
    promoteKept(gpu, { scores: ranked, keep }, { length });
  }
  return ranked;
}

const pruneOf = ({ offset, units }: LimitedGroup, prune: number) =>
  ({ offset, count: units, prune, ties: "lowest-index" }) as const;

/** Prunes so many units of each range, those pruned for good included; by the authors' rule all ties too. */
export function selectCounts(
  { gpu, ranked, keep, results, ranges }: Selecting,
  counts: readonly number[],
  reference: boolean,
): void {
  const ties = reference ? "less-or-equal" : "lowest-index";
  const list = ranges.map(({ offset, count }, index) => ({ offset, count, prune: counts[index], ties }) as const);
  selectRanges(gpu, { scores: ranked, keep, results }, list, RESULT_WORDS);
}

/** Keeps so many units of each group, and writes about groups instead of ranges. */
export function selectInGroups(
  { gpu, ranked, keep, results }: Selecting,
  groups: readonly LimitedGroup[],
  kept: readonly number[],
): void {
  const list = groups.map((group, index) => pruneOf(group, group.units - kept[index]));
  selectRanges(gpu, { scores: ranked, keep, results }, list, RESULT_WORDS);
}

/** Amounts whose counts only the device finds out. */
export function selectSums(
  { gpu, scores, ranked, keep, results, ranges }: Selecting,
  amount: Exclude<Amount, CountAmount>,
  budget: IntegerBudget | undefined,
): void {
  using _temporaries = gpu.scope();
  const costs = budget && costsOf(gpu, ranges, scores.size, budget);
  ranges.forEach(({ offset, count }, index) => {
    const result = gpu.allocate(RESULT_WORDS * 4);
    const buffers = { scores: ranked, keep, result };
    if ("threshold" in amount) selectAbove(gpu, buffers, { offset, count, threshold: amount.threshold });
    else if ("share" in amount)
      selectShare(gpu, { ...buffers, values: scores }, { offset, count, share: amount.share });
    else selectWithin(gpu, { ...buffers, costs: costs! }, { offset, count, budget: budget!.limits[index] });
    gpu.copy(result, results.buffer, RESULT_WORDS * 4, 0, index * RESULT_WORDS * 4);
  });
}

function costsOf(gpu: Gpu, ranges: readonly RankedRange[], count: number, { costs }: IntegerBudget) {
  const y = gpu.allocate(count * 4);
  const groups = ranges.flatMap(({ groups }) => groups);
  const filled = groups.map(({ name, offset, units }) => ({ offset, count: units, value: costs.get(name)! }));
  fillRanges(gpu, { y }, filled);
  return y;
}

/** Reads back how many units of each range are kept. */
export async function readKeptCounts(gpu: Gpu, keep: Tensor, ranges: readonly ScoreRange[]): Promise<number[]> {
  const counts = Tensor.empty(gpu, [ranges.length], "u32");
  try {
    countKeptRanges(gpu, { mask: keep, counts }, ranges);
    return [...(await counts.readWords())];
  } finally {
    gpu.release(counts);
  }
}

/** From scores to keep bits: exact, on the device, without reading scores back. */
import type { Gpu } from "../gpu/index.js";
import { maskByteLength } from "../kernels/mask.js";
import { fillRanges } from "../kernels/ranges.js";
import type { Pattern } from "../kernels/select-pattern.js";
import { Tensor } from "../tensor/index.js";
import { type IntegerBudget, integerBudget, type RoundedBudget, unitsToSpare } from "./select-budget.js";
import { isCount, prunedCounts } from "./select-counts.js";
import { roundToMultiples } from "./select-multiples.js";
import {
  type Amount,
  checkAmount,
  checkOptions,
  parsePattern,
  type Selection,
  type SelectOptions,
} from "./select-options.js";
import { type LimitedGroup, type RankedRange, rankedRanges } from "./select-ranges.js";
import { groupResults, keptCosts, rangeResults } from "./select-results.js";
import { checkPatternFits, selectInRuns } from "./select-runs.js";
import {
  RESULT_WORDS,
  rankedScores,
  readKeptCounts,
  type Selecting,
  selectCounts,
  selectInGroups,
  selectSums,
} from "./select-steps.js";
import type { UnitSpace } from "./units.js";

export type { Amount, Budget, PerGroup, Selection, SelectOptions } from "./select-options.js";
export { parsePattern } from "./select-options.js";
export type { Scope } from "./units.js";

/** Names of the scopes that have one. */
export const SCOPES = ["global", "layer", "row"] as const;
/** A scope that has a name. */
export type ScopeName = (typeof SCOPES)[number];

/**
 * Selects the units to keep by score, on the device. Exact, and the same in each run: of equal scores the lowest index goes first, NaN ranks above
 * infinity. Scores are never changed.
 */
export class Selector {
  /** One bit a unit, 1 = keep. All ones before the first selection. */
  readonly keep: Tensor;
  readonly #ranges: readonly RankedRange[];
  readonly #groups: readonly LimitedGroup[];
  readonly #pattern: Pattern | undefined;
  readonly #words: Tensor;
  /** What the words are about. */
  #results: "none" | "ranges" | "groups" = "none";
  #budget: IntegerBudget | undefined;
  /** Whether `keep` has pruned anything. */
  #pruning = false;
  /** Exact costs of what each range keeps, where the budget had to be rounded. */
  #keptCosts: readonly number[] | undefined;
  /** Units pruned in each range, where the host knows. */
  #pruned: readonly number[] | undefined;

  /** @throws UsageError for options that contradict each other, or do not fit the units. */
  constructor(
    private readonly gpu: Gpu,
    space: UnitSpace,
    private readonly options: SelectOptions = {},
  ) {
    checkOptions(options);
    this.#ranges = rankedRanges(space, options);
    this.#groups = this.#ranges.flatMap(({ groups }) => groups);
    this.#pattern = options.pattern === undefined ? undefined : parsePattern(options.pattern);
    if (this.#pattern) checkPatternFits(this.#groups, this.#pattern);
    this.keep = Tensor.empty(gpu, [maskByteLength(space.count) / 4], "u32");
    this.#words = Tensor.zeros(gpu, [this.#groups.length * RESULT_WORDS], "u32");
    this.reset();
  }

  /** Everything is kept again. */
  reset(): void {
    fillRanges(this.gpu, { y: this.keep }, [{ offset: 0, count: this.keep.size, value: 0xffffffff }]);
    this.#forget(false);
  }

  /** Goes on from keep bits that a selector of the same units had. */
  restore(keep: Uint32Array): void {
    this.keep.write(keep);
    this.#forget(true);
  }

  /** The same after `keep` was written on the device. @param pruning - whether it prunes anything */
  continueFrom(pruning: boolean): void {
    this.#forget(pruning);
  }

  /** Groups with the numbers of units that may stay, as they are ranked. */
  get groups(): readonly LimitedGroup[] {
    return this.#groups;
  }

  #forget(pruning: boolean): void {
    this.#pruning = pruning;
    this.#pruned = undefined;
    this.#keptCosts = undefined;
    this.#results = "none";
  }

  /**
   * Writes `keep` for the scores, one f32 for each unit. Everything is recorded before the call returns, except where counts have to be read back: with
   * `multipleOf` those of the groups, and for amounts that come to counts (budgets do where all units cost the same) those of the ranges, when the
   * last selection was not read.
   * @throws UsageError for an amount that is out of range, contradicts the options, or is more than floors allow; `keep` is as before then.
   */
  async select(scores: Tensor, amount: Amount): Promise<void> {
    const { gpu, keep, options } = this;
    const ranges = this.#ranges;
    checkAmount(amount, scores.size, options);
    const monotone = (options.monotone ?? !options.reference) && this.#pruning;
    const alive =
      monotone && options.multipleOf !== undefined
        ? await readKeptCounts(this.gpu, this.keep, this.#groups)
        : undefined;
    const budget = "budget" in amount ? integerBudget(ranges, amount.budget) : undefined;
    const counted = isCount(amount) || budget?.uniform !== undefined;
    const pruned =
      monotone && (counted || budget?.rounded) ? (this.#pruned ?? (await this.#countPruned())) : ranges.map(() => 0);
    const counts = counted ? prunedCounts(ranges, amount, { budget, pruned, reference: options.reference }) : undefined;
    const ranked = rankedScores(gpu, scores, this.#groups, monotone ? keep : undefined);
    const selecting = { gpu, scores, ranked, keep, results: this.#words, ranges };
    try {
      this.#budget = budget;
      if (this.#pattern) selectInRuns(gpu, { scores: ranked, keep }, this.#groups, this.#pattern);
      else if (counts) selectCounts(selecting, counts, options.reference ?? false);
      else if (!isCount(amount)) selectSums(selecting, amount, budget);
      this.#forget(true);
      this.#results = "ranges";
      if (budget?.rounded) await this.#spend(selecting, budget.rounded, pruned);
      if (options.multipleOf !== undefined) await this.#round(selecting, alive);
    } finally {
      if (ranked !== scores) gpu.release(ranked);
    }
  }

  /** Keeps more units, best first, while what rounding left of a budget is enough for any of them. */
  async #spend(selecting: Selecting, rounded: RoundedBudget, forGood: readonly number[]): Promise<void> {
    for (;;) {
      const kept = await readKeptCounts(this.gpu, this.keep, this.#groups);
      let next = 0;
      let spares = 0;
      const pruned = this.#ranges.map(({ groups, count }, range) => {
        const counts = kept.slice(next, next + groups.length);
        next += groups.length;
        const gone = count - counts.reduce((sum, alive) => sum + alive, 0);
        const spare = Math.min(gone - forGood[range], unitsToSpare(rounded, rounded.limits[range], groups, counts));
        spares += Math.max(0, spare);
        return gone - Math.max(0, spare);
      });
      this.#keptCosts = keptCosts(this.#ranges, rounded.costs, kept);
      if (spares === 0) return;
      selectCounts(selecting, pruned, false);
    }
  }

  /** Takes the counts of the groups to multiples. */
  async #round(selecting: Selecting, alive: readonly number[] | undefined): Promise<void> {
    const kept = await readKeptCounts(this.gpu, this.keep, this.#groups);
    let next = 0;
    const rounded = this.#ranges.flatMap(({ groups }, range) => {
      const counted = groups.map((group) => {
        const index = next++;
        const cost = this.#budget?.costs.get(group.name) ?? 1;
        return { group, kept: kept[index], alive: alive?.[index] ?? group.units, cost };
      });
      return roundToMultiples(counted, this.#budget?.limits[range]);
    });
    selectInGroups(selecting, this.#groups, rounded);
    this.#results = "groups";
  }

  async #countPruned(): Promise<number[]> {
    const kept = await readKeptCounts(this.gpu, this.keep, this.#ranges);
    return this.#ranges.map(({ count }, index) => count - kept[index]);
  }

  /** What the last selection did, range by range. */
  async read(): Promise<Selection[]> {
    if (this.#results === "none" || this.#pattern) {
      const pruned = await this.#countPruned();
      return pruned.map((count) => ({ threshold: Number.NaN, pruned: count }));
    }
    const read = this.#results === "groups" ? groupResults : rangeResults;
    const selections = read(await this.#words.readWords(), this.#ranges, this.#budget);
    this.#pruned = selections.map(({ pruned }) => pruned);
    const costs = this.#results === "ranges" ? this.#keptCosts : undefined;
    return costs ? selections.map((selection, range) => ({ ...selection, cost: costs[range] })) : selections;
  }

  release(): void {
    this.gpu.release(this.keep);
    this.gpu.release(this.#words);
  }
}

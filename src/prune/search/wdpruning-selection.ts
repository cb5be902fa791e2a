/** Which units stay when a WDPruning search ends: plain numbers, apart from model and device. */
import type { BranchWidths } from "./wdpruning-budget.js";

/** What was learned for one place. */
export interface RankedUnits {
  readonly scores: Float32Array;
  readonly threshold: number;
  readonly roundTo: number;
}

/** A branch with what was learned for its units and rows. */
export interface LearnedBranch extends BranchWidths {
  /** Biases of the layer that makes the units. */
  readonly unitBiases: number;
  readonly rankedUnits: RankedUnits;
  readonly rankedRows: RankedUnits;
}

/** How many units a threshold keeps, as the kernel `topKMask` counts. */
export function keptCount({ scores: { length }, threshold, roundTo }: RankedUnits): number {
  const keep = Math.max(1, Math.ceil(length / (1 + Math.exp(-threshold))));
  return length % roundTo === 0 ? Math.max(1, Math.floor(keep / roundTo + 0.5)) * roundTo : keep;
}

/** 1 for each of the `keptCount` units of largest score; of equal ones the first. */
export function keptUnits(ranked: RankedUnits): Uint8Array {
  const { scores } = ranked;
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
  const keep = new Uint8Array(scores.length);
  for (const i of order.slice(0, keptCount(ranked))) keep[i] = 1;
  return keep;
}

/** Weights and biases of the branches that stay. */
export function keptParameters(branches: readonly LearnedBranch[]): number {
  return branches.reduce((sum, { units, unitWeights, unitBiases, rows, rowWeights, rankedUnits, rankedRows }) => {
    const unitRatio = keptCount(rankedUnits) / units;
    const rowsKept = keptCount(rankedRows);
    return sum + (unitWeights + unitBiases) * unitRatio + (rowWeights / rows) * rowsKept * unitRatio + rowsKept;
  }, 0);
}

const shifted = (ranked: RankedUnits, shift: number): RankedUnits => ({
  ...ranked,
  threshold: ranked.threshold + shift,
});

/** The branches with all thresholds moved alike. */
const shiftThresholds = (branches: readonly LearnedBranch[], shift: number): LearnedBranch[] =>
  branches.map((branch) => ({
    ...branch,
    rankedUnits: shifted(branch.rankedUnits, shift),
    rankedRows: shifted(branch.rankedRows, shift),
  }));

/** A shift beyond which each place keeps its least, or all. */
const FARTHEST = 100;
const HALVINGS = 40;

/**
 * Moves all thresholds by one and the same amount, to where as many parameters stay as may: by what a search that was short, or rounds its counts, missed
 * the budget. Where even the fewest are too many, those stay.
 */
export function fitBudget(branches: readonly LearnedBranch[], most: number): LearnedBranch[] {
  let [low, high] = [-FARTHEST, FARTHEST];
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (low + high) / 2;
    if (keptParameters(shiftThresholds(branches, middle)) <= most) low = middle;
    else high = middle;
  }
  return shiftThresholds(branches, low);
}

/** What a user should know of a search that went through. */
import type { Dataset } from "../io/dataset.js";
import { shortPercent } from "../report/format.js";
import type { Evaluation, Run } from "../report/index.js";
import { emptyLayers } from "./prune-warnings.js";
import type { SearchPlan } from "./search-arguments.js";
import { classWarnings, logitWarnings, scoreWarnings } from "./warnings.js";

export interface SearchedRun {
  readonly plan: Pick<SearchPlan, "data" | "sparsity">;
  readonly removed: number;
  readonly evaluation: Dataset | undefined;
  readonly dense: Evaluation | null;
  readonly run: Run;
}

/** All of them, the gravest last, where a terminal shows them longest. */
export function searchWarnings({ plan, removed, evaluation, dense, run }: SearchedRun): string[] {
  const { pruned, finetuned, histograms, layers } = run;
  const empty = emptyLayers(layers);
  return [
    ...measurementWarnings(plan, evaluation),
    ...logitWarnings("dense model", dense?.nonFinite),
    ...logitWarnings("pruned model", pruned?.nonFinite),
    ...logitWarnings("finetuned model", finetuned?.nonFinite),
    ...scoreWarnings(histograms[0].nan.count),
    ...amountWarnings(plan.sparsity, removed),
    ...(empty ? [`Layers without a weight left: ${empty}; remove fewer.`] : []),
  ];
}

/** A tenth more than may stay is what rounding to whole units can be. */
const ROUNDING = 1.1;

function amountWarnings(sparsity: number, removed: number): string[] {
  if (1 - removed <= ROUNDING * (1 - sparsity)) return [];
  return [
    `The search removed ${shortPercent(removed)} where ${shortPercent(sparsity)} were asked for: every layer keeps its last units, and counts are rounded; ask for less, or for smaller multiples.`,
  ];
}

function measurementWarnings({ data }: Pick<SearchPlan, "data">, evaluation: Dataset | undefined): string[] {
  if (!evaluation) return ["Accuracy was not measured; --data DATA measures it."];
  const isSame = evaluation.source === data.source;
  return [
    ...(isSame ? ["Accuracy was measured on the images of the search; --data with others tells more."] : []),
    ...classWarnings(evaluation),
  ];
}

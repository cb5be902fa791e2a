/** What a user should know of a search that went through. */
import type { Dataset } from "../io/dataset.js";
import type { Evaluation, Run } from "../report/index.js";
import { emptyLayers } from "./prune-warnings.js";
import type { SearchPlan } from "./search-arguments.js";
import { classWarnings, logitWarnings, scoreWarnings } from "./warnings.js";

export interface SearchedRun {
  readonly plan: Pick<SearchPlan, "data">;
  readonly evaluation: Dataset | undefined;
  readonly dense: Evaluation | null;
  readonly run: Run;
}

/** All of them, the gravest last, where a terminal shows them longest. */
export function searchWarnings({ plan, evaluation, dense, run }: SearchedRun): string[] {
  const { pruned, finetuned, histograms, layers } = run;
  const empty = emptyLayers(layers);
  return [
    ...measurementWarnings(plan, evaluation),
    ...logitWarnings("dense model", dense?.nonFinite),
    ...logitWarnings("pruned model", pruned?.nonFinite),
    ...logitWarnings("finetuned model", finetuned?.nonFinite),
    ...scoreWarnings(histograms[0].nan.count),
    ...(empty ? [`Layers without a weight left: ${empty}; remove fewer.`] : []),
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

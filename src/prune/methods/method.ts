/** What a method is: a criterion, with what trains around its rounds, or a search that learns while it trains. */
import type { Dataset } from "../../io/dataset.js";
import type { TrainOptions } from "../../train/index.js";
import type { Criterion } from "../criteria/index.js";
import type { PruneOptions } from "../prune-options.js";
import type { SearchMethod } from "../search/search.js";

/** The trainings of a method that trains. All of its rounds train alike. */
export interface MethodTraining {
  readonly data: Dataset;
  readonly options: TrainOptions;
  /** Step of the first training whose weights the others begin with. Default 0: the weights before it. */
  readonly rewindStep?: number;
}

/** A method that scores, selects and applies, round by round. */
export interface ScoringMethod {
  readonly name: string;
  /** One line for people. */
  readonly formula: string;
  /** What scores. */
  readonly saliency: Criterion;
  /** Options of a `Pruner` with this saliency that make it this method. @throws UsageError for trainings that cannot be. */
  readonly training?: (training: MethodTraining) => Pick<PruneOptions, "prepare" | "finetune">;
}

/** A way to prune that has a name. */
export type Method = ScoringMethod | SearchMethod;

/** Whether a method learns what to remove, as `runSearch` lets it, instead of scoring for a `Pruner`. */
export const isSearch = (method: Method): method is SearchMethod => "start" in method;

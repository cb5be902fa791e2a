/** What `secateur prune` may be asked for with a search, and the search and the trainings that follow from it. */
import { UsageError } from "../errors.js";
import type { ModelConfig } from "../io/config.js";
import type { Dataset } from "../io/dataset.js";
import { type SearchMethod, upop, vtp, wdpruning } from "../prune/index.js";
import { type TrainOptions, trainingSteps } from "../train/index.js";
import { TRAINING_BATCH } from "./commands/training-options.js";
import { openExamples } from "./model.js";
import { checkCompact, type PruneArguments } from "./prune-arguments.js";
import { checkTraining, trainingSettings, trainOptions } from "./training-arguments.js";
import { digest, type RunSettings } from "./training-state.js";

export interface SearchArguments extends Omit<PruneArguments, "method"> {
  readonly method: SearchMethod;
  readonly searchInterval?: number;
  readonly count?: "gates" | "parameters";
  readonly penalty?: number;
  readonly gateLr?: number;
  readonly thresholdLr?: number;
  readonly exits?: readonly number[];
  readonly finetuneEpochs?: number;
  readonly finetuneLr?: number;
}

/** By name: each search as the options ask for it. */
const SEARCHES: Record<string, (options: SearchArguments) => SearchMethod> = {
  upop: ({ searchInterval: interval, multipleOf }) => upop({ interval, multipleOf }),
  vtp: ({ count: amount, penalty, gateLr: gateLearningRate, multipleOf }) =>
    vtp({ amount, penalty, gateLearningRate, multipleOf }),
  wdpruning: ({ thresholdLr: thresholdLearningRate, multipleOf: roundTo }) =>
    wdpruning({ thresholdLearningRate, roundTo }),
};

export const searchOf = (options: SearchArguments): SearchMethod => SEARCHES[options.method.name](options);

/** A search that is ready to start. */
export interface SearchPlan {
  readonly sparsity: number;
  readonly data: Dataset;
  readonly search: TrainOptions;
  /** Of what is left; undefined: not at all. */
  readonly finetune: TrainOptions | undefined;
  /** Of both trainings. */
  readonly steps: number;
  /** Everything that decides the numbers. */
  readonly settings: RunSettings;
}

/** @throws UsageError for what does not fit, or is missing. */
export async function openSearch(options: SearchArguments, config: ModelConfig): Promise<SearchPlan> {
  const {
    method,
    sparsity,
    train,
    examplesPerClass,
    finetuneEpochs,
    finetuneLr = options.lr,
    searchInterval,
    count,
    penalty,
    gateLr,
    multipleOf,
    thresholdLr,
    exits,
  } = options;
  if (sparsity === undefined) {
    throw new UsageError(`${method.name}: expected --sparsity, got none; --sparsity 0.5 removes half`);
  }
  if (sparsity === 0) {
    throw new UsageError(`sparsity: expected the part to remove, above 0 and below 1, got 0; correct it`);
  }
  const args = { ...options, batch: options.batch ?? TRAINING_BATCH };
  checkTraining(args);
  checkCompact(options);
  const data = await openExamples(train!, examplesPerClass, config);
  const search = trainOptions(args);
  const mending = { ...args, epochs: finetuneEpochs ?? 0, lr: finetuneLr };
  checkTraining(mending);
  const finetune = finetuneEpochs === undefined ? undefined : trainOptions(mending);
  return {
    sparsity,
    data,
    search,
    finetune,
    steps: trainingSteps(data, search) + (finetune ? trainingSteps(data, finetune) : 0),
    settings: {
      data: data.source,
      examples: data.length,
      labels: digest(data.labels),
      ...trainingSettings(args),
      ...given({ searchInterval, count, penalty, gateLr, multipleOf, thresholdLr, exits: exits?.join(",") }),
      ...(finetune && { finetuneEpochs, finetuneLr }),
    },
  };
}

/** Those that were asked for. */
const given = (options: Record<string, number | string | undefined>): RunSettings =>
  Object.fromEntries(Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

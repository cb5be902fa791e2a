/** What a WDPruning search may be asked for. */
import { UsageError } from "../../errors.js";
import { checkSparsity } from "../schedule.js";
import type { SearchOptions } from "./search.js";

/** What is WDPruning's own. */
export interface WDPruningOptions {
  /** Where thresholds begin; its sigmoid is the part that stays. Default 10; of a model with exits 5, but under `reference`. */
  readonly initialThreshold?: number;
  /**
   * Highest learning rate of thresholds and scores, on a cosine. Default 0.0025, or in short searches what can bring a threshold from its start to 0 in an
   * eighth of the steps; under `reference` 0.0025.
   */
  readonly thresholdLearningRate?: number;
  /** Thresholds rise no higher. Default: no limit; of a model with exits where they begin, but under `reference`. */
  readonly highestThreshold?: number;
  /** Highest rate at which the factors of the penalty ascend, on the same cosine. Default 10. */
  readonly lambdaLearningRate?: number;
  /** Rows and neurons stay in multiples of it, where it divides their number. Default 16. */
  readonly roundTo?: number;
}

/** Options of both kinds, with the defaults filled in. */
export type WDPruningSettings = Required<WDPruningOptions> & SearchOptions;

/** Of thresholds, in the authors' code. */
const PUBLISHED_RATE = 0.0025;
/** What the cosines of thresholds, scores and factors end at. */
export const FINAL_RATE = 1e-5;

/** @throws UsageError for options out of range. */
export function wdpruningSettings(own: WDPruningOptions, options: SearchOptions, exits: boolean): WDPruningSettings {
  checkSparsity(options.sparsity, 1);
  // Gradients of fresh exits are strong: thresholds would rise to where the penalty has no slope to bring them back by.
  const limited = exits && !options.reference;
  const { initialThreshold = limited ? 5 : 10, lambdaLearningRate = 10, roundTo = 16 } = own;
  const { highestThreshold = limited ? initialThreshold : Number.POSITIVE_INFINITY } = own;
  const shortSearch = options.reference ? 0 : (8 * Math.abs(initialThreshold)) / options.totalSteps;
  const { thresholdLearningRate = Math.max(PUBLISHED_RATE, shortSearch) } = own;
  const settings = {
    initialThreshold,
    highestThreshold,
    thresholdLearningRate,
    lambdaLearningRate,
    roundTo,
    ...options,
  };
  for (const name of ["thresholdLearningRate", "lambdaLearningRate"] as const) {
    if (settings[name] > FINAL_RATE) continue;
    throw new UsageError(`${name}: expected more than ${FINAL_RATE}, got ${settings[name]}; raise it`);
  }
  if (!Number.isInteger(settings.roundTo) || settings.roundTo < 1) {
    throw new UsageError(`roundTo: expected a whole number of 1 or more, got ${settings.roundTo}; correct it`);
  }
  return settings;
}

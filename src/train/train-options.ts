/** How a training is asked for, and what it tells its host. */
import { UsageError } from "../errors.js";
import type { Dataset } from "../io/dataset.js";
import type { ForwardOptions } from "../nn/forward-options.js";
import type { Gradients } from "../tensor/index.js";
import { type Augmentation, NO_AUGMENTATION } from "./augment.js";
import { stepsPerEpoch } from "./batches.js";
import type { AdamWOptions } from "./optimizer.js";
import type { Objective } from "./training-step.js";

/** Length, batch, rates and regularisation of a training run, and what takes part in each of its steps. */
export interface TrainOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Rate at the end of the cosine; default a hundredth of `learningRate`. */
  readonly finalLearningRate?: number;
  /** Part of all steps, in [0, 1]. */
  readonly warmup?: number;
  readonly labelSmoothing?: number;
  readonly seed?: number;
  readonly augmentation?: Augmentation;
  readonly optimizer?: Partial<AdamWOptions>;
  /** Decay in [0, 1) of an exponential moving average of the weights; left out: none is kept. */
  readonly averageDecay?: number;
  /** Step of the schedule and of the data to begin at, with a new optimizer, as after rewinding to the weights of that step. Default 0. */
  readonly firstStep?: number;
  /** What the training lowers; default: the step's `loss`, the cross entropy with the labels. */
  readonly objective?: Objective;
  /** What the training pass substitutes, and who observes it. */
  readonly forward?: Omit<ForwardOptions, "training">;
  /**
   * Sees the gradients of a step before the weights change. Called while the step is recorded: what it dispatches runs in every step, and what it
   * makes ends with the step, so copy what is to be read into a tensor made before.
   */
  readonly onGradients?: (gradients: Gradients) => void;
}

export const TRAIN_DEFAULTS = {
  warmup: 0.05,
  labelSmoothing: 0,
  seed: 0,
  augmentation: NO_AUGMENTATION,
  firstStep: 0,
};

/** What is known after a step. */
export interface StepReport {
  /** Steps done. */
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  /** The objective's value for the step's batch: without one of the host's, the mean loss with label smoothing. */
  readonly loss: number;
  readonly learningRate: number;
}

/** What a host may do between steps. */
export interface TrainHooks {
  /** Before a step, counted from 0, is recorded or replayed: writes what changes from step to step into small buffers. */
  readonly beforeStep?: (step: number) => void;
  readonly onStep?: (report: StepReport) => void | Promise<void>;
  /** After the last step of each epoch; the trainer's state may be saved here. */
  readonly onEpoch?: (report: StepReport) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** Steps of a whole training. @throws UsageError for a dataset smaller than a batch. */
export function trainingSteps(dataset: Dataset, { epochs, batchSize }: TrainOptions): number {
  const perEpoch = stepsPerEpoch(dataset, batchSize);
  if (perEpoch >= 1) return Math.max(1, Math.round(epochs * perEpoch));
  throw new UsageError(
    `batch: expected at most the ${dataset.length} examples of ${dataset.source}, got ${batchSize}; use less`,
  );
}

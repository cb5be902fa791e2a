export { type Augmentation, augment, NO_AUGMENTATION } from "./augment.js";
export {
  type Batch,
  orderedBatches,
  readBatch,
  stepsPerEpoch,
  TrainingBatches,
  type TrainingOrder,
} from "./batches.js";
export {
  DISTILLATION_DEFAULTS,
  type DistillationKind,
  type DistillationOptions,
  distillation,
} from "./distillation.js";
export { type EvaluateOptions, evaluate } from "./evaluate.js";
export { type Metrics, MetricsMeter } from "./metrics.js";
export { ADAMW_DEFAULTS, AdamW, type AdamWOptions } from "./optimizer.js";
export { keyedGenerator, shuffled } from "./random.js";
export { type CosineSchedule, cosineRate } from "./schedule.js";
export { type StepReport, type TrainHooks, type TrainOptions, trainingSteps } from "./train-options.js";
export { Trainer } from "./trainer.js";
export type { TrainerState } from "./trainer-state.js";
export { type Objective, TrainingStep } from "./training-step.js";
export { WeightAverage } from "./weight-average.js";

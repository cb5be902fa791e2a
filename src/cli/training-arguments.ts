/** How a command was asked to train, as options of the trainer and as settings that a resumed run must agree in. */
import { UsageError } from "../errors.js";
import type { TrainOptions } from "../train/index.js";

export interface TrainingArguments {
  readonly epochs: number;
  /** Images in a step. */
  readonly batch: number;
  readonly lr: number;
  readonly minLr?: number;
  readonly warmup: number;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly clip: number;
  readonly cropPadding: number;
  readonly flip?: boolean;
  readonly seed: number;
  /** Decay of the average of the weights, where one is kept. */
  readonly ema?: number;
}

/** @throws UsageError for options that do not fit each other. */
export function checkTraining({ lr, minLr = 0, ema = 0 }: TrainingArguments): void {
  if (ema < 0 || ema >= 1) throw new UsageError(`ema: expected a decay from 0 to below 1, got ${ema}; correct it`);
  if (minLr <= lr) return;
  throw new UsageError(`min-lr: expected at most the highest learning rate, ${lr}, got ${minLr}; correct one of them`);
}

export const trainOptions = (options: TrainingArguments): TrainOptions => ({
  epochs: options.epochs,
  batchSize: options.batch,
  learningRate: options.lr,
  finalLearningRate: options.minLr,
  warmup: options.warmup,
  labelSmoothing: options.labelSmoothing,
  seed: options.seed,
  augmentation: { cropPadding: options.cropPadding, flip: options.flip ?? false },
  averageDecay: options.ema,
  optimizer: { weightDecay: options.weightDecay, clipNorm: options.clip },
});

/** With every default filled in. */
export function trainingSettings(options: TrainingArguments) {
  const { epochs, batch, lr, minLr = lr / 100, warmup, weightDecay, labelSmoothing, clip } = options;
  const { cropPadding, flip = false, seed } = options;
  return { epochs, batch, lr, minLr, warmup, weightDecay, labelSmoothing, clip, cropPadding, flip, seed };
}

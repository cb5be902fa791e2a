/** Training around the rounds of a pruning run: what a finetuning callback gets, and our trainer with events. */
import type { Dataset } from "../io/dataset.js";
import type { Model } from "../nn/index.js";
import type { Gradients } from "../tensor/index.js";
import { Trainer, type TrainHooks, type TrainOptions } from "../train/index.js";

/** Gradients by leaf: those of `backward`, or a host's own. */
export type GradientSource = Pick<Gradients, "get">;

/** What `prepare` and `finetune` may use. */
export interface FinetuneContext {
  readonly model: Model;
  /** From 0; -1 before the first round, in `prepare`. */
  readonly round: number;
  readonly rounds: number;
  readonly signal: AbortSignal | undefined;
  /** Trains with AdamW; steps and epochs become events, which come before the hooks. */
  readonly train: (dataset: Dataset, options: TrainOptions, hooks?: Omit<TrainHooks, "signal">) => Promise<void>;
  /** Keeps the weights as they are now under a name, in place of what had that name. They are part of the run's saved state. */
  readonly keepWeights: (name: string) => void;
  /** Gives the model weights that were kept; masks stay, as lottery tickets want it. "dense" are those from before the run. */
  readonly rewind: (name: string) => void;
  /** Adds what the gradients of one training step add to sources such as `movement`. `train` does so by itself. May be recorded. */
  readonly observe: (gradients: GradientSource) => void;
}

/** Trains a model to the end of its schedule, and leaves it the averaged weights where an average is kept. Each step's gradients are shown to `observe` too. */
export async function trainObserved(
  model: Model,
  dataset: Dataset,
  options: TrainOptions,
  observe: (gradients: GradientSource) => void,
  hooks: TrainHooks,
): Promise<void> {
  const onGradients = (gradients: Gradients) => {
    observe(gradients);
    options.onGradients?.(gradients);
  };
  using trainer = new Trainer(model, dataset, { ...options, onGradients });
  await trainer.run(hooks);
  trainer.takeAverage();
}

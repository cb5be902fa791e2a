/** The trainings of a method that trains: what they are made of, how much work they are, and how they are shown. */
import type { ModelConfig } from "../io/config.js";
import { openDataset } from "../io/node/index.js";
import type { Handlers, MethodTraining } from "../prune/index.js";
import { decimal, percent } from "../report/format.js";
import { type Metrics, trainingSteps } from "../train/index.js";
import { TRAINING_BATCH } from "./commands/training-options.js";
import { GRADIENT_COST, type Progress } from "./progress.js";
import type { PruneArguments } from "./prune-arguments.js";
import { checkTraining, trainingSettings, trainOptions } from "./training-arguments.js";
import { digest, type RunSettings } from "./training-state.js";

/** How each training goes, and everything that decides its numbers. */
export interface Training extends MethodTraining {
  readonly settings: RunSettings;
}

/** Undefined where nothing is trained. */
export async function openTraining(options: PruneArguments, config: ModelConfig): Promise<Training | undefined> {
  const { train, rewindStep } = options;
  if (train === undefined) return undefined;
  const args = { ...options, batch: options.batch ?? TRAINING_BATCH };
  checkTraining(args);
  const data = await openDataset(train, config, { defaultSplit: "train" });
  const { source, length: examples, labels } = data;
  const settings = { data: source, examples, labels: digest(labels), ...trainingSettings(args), rewindStep };
  return { data, options: trainOptions(args), rewindStep, settings };
}

/** Forward passes of an image that training `index` (from 0) takes. */
export function trainingWork({ data, options, rewindStep = 0 }: Training, index: number): number {
  const steps = trainingSteps(data, options) - (index === 0 ? 0 : rewindStep);
  return steps * options.batchSize * GRADIENT_COST;
}

export interface TrainingWatch {
  readonly training: Training;
  readonly rounds: number;
  readonly progress: Progress;
  readonly note: (text: string) => void;
  readonly accuracy: (label: string) => Promise<Metrics> | null;
}

/** Counts steps, and tells how each training ended. */
export function watchTraining({ training, rounds, progress, note, accuracy }: TrainingWatch): Handlers {
  let number = 1;
  let units = 0;
  let density = 1;
  let losses = 0;
  let steps = 0;
  return {
    started: (run) => {
      units = run.units;
    },
    masked: ({ round, kept }) => {
      number = round + 2;
      density = kept / units;
    },
    step: ({ loss }) => {
      losses += loss;
      steps++;
      const label = `training ${number} of ${rounds}, loss ${decimal(losses / steps)}`;
      progress.advance(training.options.batchSize * GRADIENT_COST, label);
    },
    epoch: async ({ step, totalSteps }) => {
      const loss = losses / steps;
      losses = steps = 0;
      if (step < totalSteps) return;
      const label = `training ${number} of ${rounds}`;
      const metrics = await accuracy(label);
      progress.clear();
      const measured = metrics ? `, top-1 ${percent(metrics.top1)}` : "";
      note(`${label}, density ${percent(density)}: loss ${decimal(loss)}${measured}`);
    },
  };
}

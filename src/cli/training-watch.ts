/** Shows how a training inside of a longer command goes. */
import { decimal } from "../report/format.js";
import type { TrainHooks, TrainOptions } from "../train/index.js";
import type { CommandContext } from "./host.js";
import { GRADIENT_COST, type Progress } from "./progress.js";

export interface StepWatch {
  readonly label: string;
  readonly options: Pick<TrainOptions, "batchSize" | "epochs">;
  readonly progress: Progress;
  readonly context: CommandContext;
}

/** Counts each step as work, and notes the mean loss of each epoch. */
export function watchSteps({ label, options, progress, context }: StepWatch): Pick<TrainHooks, "onStep" | "onEpoch"> {
  let [losses, steps] = [0, 0];
  return {
    onStep: ({ loss }) => {
      losses += loss;
      steps++;
      progress.advance(options.batchSize * GRADIENT_COST, `${label}, loss ${decimal(losses / steps)}`);
    },
    onEpoch: ({ epoch }) => {
      progress.clear();
      context.note(`${label}, epoch ${epoch} of ${Math.ceil(options.epochs)}: loss ${decimal(losses / steps)}`);
      losses = steps = 0;
    },
  };
}

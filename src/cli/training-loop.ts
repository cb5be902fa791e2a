/** The loop of `secateur train` and `finetune`: steps, a line and a record for each epoch, everything saved. */
import type { Checkpoint } from "../io/checkpoint.js";
import type { Dataset } from "../io/dataset.js";
import type { Model } from "../nn/index.js";
import { type MaskSet, maskWeights } from "../prune/index.js";
import { decimal, percent } from "../report/format.js";
import { evaluate, type StepReport, type Trainer } from "../train/index.js";
import type { DistillationArguments } from "./distillation-arguments.js";
import type { CommandContext } from "./host.js";
import { Progress } from "./progress.js";
import { counted, SaveNotes } from "./save-notes.js";
import type { TrainingArguments } from "./training-arguments.js";
import { type EpochRecord, type RunSettings, saveRun } from "./training-state.js";

export interface TrainArguments extends TrainingArguments, DistillationArguments {
  readonly data: string;
  readonly test?: string;
  readonly out: string;
  readonly saveEvery: number;
  readonly resume?: boolean;
}

/** A run that is ready to start: everything is read, nothing is on the device yet. */
export interface Plan {
  readonly command: "train" | "finetune";
  readonly name: string;
  readonly start: string;
  /** Tells starts apart; absent for the run's own folder, whose weights are no longer those that it began from. */
  readonly startMark?: string;
  readonly checkpoint: Checkpoint;
  readonly masks: MaskSet;
  readonly options: TrainArguments;
}

export interface RunningPlan extends Plan {
  readonly model: Model;
  readonly trainer: Trainer;
  readonly test: Dataset | undefined;
  readonly settings: RunSettings;
  readonly notes: SaveNotes;
}

const epochsText = ({ length }: readonly EpochRecord[]): string => counted(length, "epoch");

/** @param before - epochs of the run that is resumed */
export const trainingNotes = (
  context: CommandContext,
  { out, saveEvery }: TrainArguments,
  before: readonly EpochRecord[],
): SaveNotes =>
  new SaveNotes(context, {
    name: "training",
    place: out,
    when: saveEvery > 1 ? `after every ${saveEvery} epochs` : "after each epoch",
    held: before.length > 0 ? epochsText(before) : undefined,
  });

/** Trains to the end; after each epoch measures, logs and saves. */
export async function runLoop(
  context: CommandContext,
  plan: RunningPlan,
  before: readonly EpochRecord[],
): Promise<EpochRecord[]> {
  const { model, trainer, test, options, notes } = plan;
  const { signal } = context;
  const log = [...before];
  const steps = trainer.schedule.totalSteps;
  using progress = new Progress(context.stderr, steps - trainer.step);
  let losses = 0;
  let count = 0;
  const onStep = ({ epoch, loss }: StepReport): void => {
    losses += loss;
    count++;
    progress.advance(1, `epoch ${epoch}, loss ${decimal(losses / count)}`);
  };
  const onEpoch = async ({ epoch, step, learningRate }: StepReport): Promise<void> => {
    const metrics = test && (await trainer.averaged(() => evaluate(model, test, { batchSize: options.batch, signal })));
    const accuracy = metrics ? { top1: metrics.top1, top5: metrics.top5, loss: metrics.loss } : null;
    log.push({ epoch, step, loss: losses / count, learningRate, test: accuracy });
    losses = 0;
    count = 0;
    progress.clear();
    if (step < steps || context.json) context.note(recordText(log.at(-1)!, options.epochs)); // else the result says so
    signal.throwIfAborted();
    if (epoch % options.saveEvery > 0 && step < steps) return;
    await save(plan, log);
    notes.saved(epochsText(log));
  };
  await notes.during(trainer.run({ onStep, onEpoch, signal }));
  return log;
}

async function save(
  { model, trainer, masks, checkpoint, options, settings }: RunningPlan,
  log: EpochRecord[],
): Promise<void> {
  const { average, ...state } = await trainer.read();
  const weights = maskWeights(await model.parameters.read(), masks);
  const averaged = average && maskWeights(average, masks);
  const { totalSteps } = trainer.schedule;
  await saveRun(options.out, checkpoint, masks, { ...state, weights, average: averaged }, totalSteps, settings, log);
}

export function recordText({ epoch, loss, test }: EpochRecord, epochs: number): string {
  const accuracy = test ? `, test top-1 ${percent(test.top1)}, loss ${decimal(test.loss)}` : "";
  return `epoch ${epoch} of ${Math.ceil(epochs)}: loss ${decimal(loss)}${accuracy}`;
}

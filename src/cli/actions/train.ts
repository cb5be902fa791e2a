/** `secateur train` and `secateur finetune`: the same loop, without and with masks. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Gpu } from "../../gpu/index.js";
import type { Dataset } from "../../io/dataset.js";
import { isFolder } from "../../io/node/files.js";
import { checkWritableFolder, openDataset, saveCheckpoint } from "../../io/node/index.js";
import { ViT } from "../../nn/index.js";
import { type MaskSet, maskWeights, writeMasks } from "../../prune/index.js";
import { decimal, integer, percent } from "../../report/format.js";
import { evaluate, type StepReport, Trainer } from "../../train/index.js";
import type { CommandContext, Outcome } from "../host.js";
import { loadMasks, loadOrStart, loadViT, modelName, type ViTCheckpoint } from "../model.js";
import { durationText, Progress } from "../progress.js";
import { encodeMasks } from "../pruned-files.js";
import { type EpochRecord, encodeRun, loadRun, type RunSettings, type SavedRun } from "../training-state.js";

export interface TrainArguments {
  readonly data: string;
  readonly test?: string;
  readonly out: string;
  readonly epochs: number;
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
  readonly saveEvery: number;
  readonly resume?: boolean;
}

/** A run that is ready to start: everything is read, nothing is on the device yet. */
interface Plan {
  readonly command: "train" | "finetune";
  readonly name: string;
  readonly start: string;
  readonly checkpoint: ViTCheckpoint;
  readonly masks: MaskSet;
  readonly options: TrainArguments;
}

export async function trainModel(context: CommandContext, path: string, options: TrainArguments): Promise<Outcome> {
  await checkWritableFolder(options.out);
  const { checkpoint, fresh } = await loadOrStart(path, options.seed);
  const start = fresh ? `fresh weights of seed ${options.seed}` : "its weights";
  return runPlan(context, { command: "train", name: modelName(path), start, checkpoint, masks: new Map(), options });
}

export async function finetuneModel(
  context: CommandContext,
  path: string,
  options: TrainArguments & { masks?: string },
): Promise<Outcome> {
  await checkWritableFolder(options.out);
  const checkpoint = await loadViT(path);
  const masks = options.masks === undefined ? new Map() : await loadMasks(options.masks, checkpoint);
  const unused = join((await isFolder(path)) ? path : dirname(path), "masks.safetensors");
  if (masks.size === 0 && existsSync(unused)) {
    context.note(`note: removed weights are trained too; --masks ${unused} would hold them at zero`);
  }
  return runPlan(context, {
    command: "finetune",
    name: modelName(path),
    start: "its weights",
    checkpoint,
    masks,
    options,
  });
}

function settingsOf({ options, masks }: Plan, examples: number): RunSettings {
  const { epochs, batch, lr, minLr = lr / 100, warmup, weightDecay, labelSmoothing, clip, cropPadding, seed } = options;
  const { flip = false } = options;
  const optimizer = { epochs, batch, lr, minLr, warmup, weightDecay, labelSmoothing, clip };
  return { ...optimizer, cropPadding, flip, seed, examples, maskedParameters: masks.size };
}

async function runPlan(context: CommandContext, plan: Plan): Promise<Outcome> {
  const begin = performance.now();
  const { checkpoint, masks, options } = plan;
  const dataset = await openDataset(options.data, checkpoint.config, { defaultSplit: "train" });
  const test = options.test === undefined ? undefined : await openDataset(options.test, checkpoint.config);
  const settings = settingsOf(plan, dataset.length);
  const saved = options.resume ? await loadRun(options.out, checkpoint, settings) : undefined;

  using gpu = await context.openGpu();
  // Removed weights are zero from the start, as they are in every file of the run.
  const model = new ViT(gpu, checkpoint.config, maskWeights(saved?.weights ?? checkpoint.weights, masks));
  writeMasks(gpu, model, masks);
  using trainer = createTrainer(gpu, model, dataset, options);
  if (saved) trainer.restore(saved);
  const log = await runLoop(context, { ...plan, gpu, model, trainer, test, settings }, saved?.log ?? []);

  const seconds = (performance.now() - begin) / 1000;
  const last = log.at(-1);
  const text = [
    `${plan.name}: ${integer(trainer.step)} steps of ${options.batch} images from ${startText(plan, saved)}`,
    ...(last ? [recordText(last, options.epochs)] : []),
    `${options.out}: model.safetensors, config.json (${durationText(seconds)} on ${gpu.info.description})`,
  ];
  const { command, name, start } = plan;
  return {
    data: {
      command,
      model: name,
      start,
      settings,
      steps: trainer.step,
      log,
      out: options.out,
      seconds,
      adapter: gpu.info.description,
    },
    text: text.join("\n"),
  };
}

const startText = ({ start }: Plan, saved: SavedRun | undefined): string =>
  saved ? `step ${integer(saved.step)} of ${start}` : start;

function createTrainer(gpu: Gpu, model: ViT, dataset: Dataset, options: TrainArguments): Trainer {
  return new Trainer(gpu, model, dataset, {
    epochs: options.epochs,
    batchSize: options.batch,
    learningRate: options.lr,
    finalLearningRate: options.minLr,
    warmup: options.warmup,
    labelSmoothing: options.labelSmoothing,
    seed: options.seed,
    augmentation: { cropPadding: options.cropPadding, flip: options.flip ?? false },
    optimizer: { weightDecay: options.weightDecay, clipNorm: options.clip },
  });
}

interface RunningPlan extends Plan {
  readonly gpu: Gpu;
  readonly model: ViT;
  readonly trainer: Trainer;
  readonly test: Dataset | undefined;
  readonly settings: RunSettings;
}

/** Trains to the end; after each epoch measures, logs and saves. */
async function runLoop(
  context: CommandContext,
  plan: RunningPlan,
  before: readonly EpochRecord[],
): Promise<EpochRecord[]> {
  const { gpu, model, trainer, test, options } = plan;
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
    const metrics = test && (await evaluate(gpu, model, test, { batchSize: options.batch, signal }));
    const accuracy = metrics ? { top1: metrics.top1, top5: metrics.top5, loss: metrics.loss } : null;
    log.push({ epoch, step, loss: losses / count, learningRate, test: accuracy });
    losses = 0;
    count = 0;
    progress.clear();
    context.note(recordText(log.at(-1)!, options.epochs));
    signal.throwIfAborted();
    if (epoch % options.saveEvery === 0 || step === steps) await save(plan, log);
  };
  await trainer.run({ onStep, onEpoch, signal });
  return log;
}

async function save(
  { model, trainer, masks, checkpoint, options, settings }: RunningPlan,
  log: EpochRecord[],
): Promise<void> {
  const weights = maskWeights(await model.parameters.read(), masks);
  const others = encodeRun(await trainer.read(), settings, log);
  if (masks.size > 0) others.set("masks.safetensors", encodeMasks(masks, checkpoint.naming));
  await saveCheckpoint(options.out, { ...checkpoint, weights }, others);
}

function recordText({ epoch, loss, test }: EpochRecord, epochs: number): string {
  const accuracy = test ? `, test top-1 ${percent(test.top1)}, loss ${decimal(test.loss)}` : "";
  return `epoch ${epoch} of ${Math.ceil(epochs)}: loss ${decimal(loss)}${accuracy}`;
}

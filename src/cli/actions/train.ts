/** `secateur train` and `secateur finetune`: the same loop, without and with masks. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Gpu } from "../../gpu/index.js";
import type { Dataset } from "../../io/dataset.js";
import { isFolder } from "../../io/node/files.js";
import { checkWritableFolder, openDataset } from "../../io/node/index.js";
import { ViT } from "../../nn/index.js";
import { maskWeights, writeMasks } from "../../prune/index.js";
import { integer } from "../../report/format.js";
import { Trainer } from "../../train/index.js";
import type { CommandContext, Outcome } from "../host.js";
import { loadMasks, loadOrStart, loadViT, modelName, refuseModelFolder } from "../model.js";
import { durationText } from "../progress.js";
import { type Plan, recordText, runLoop, type TrainArguments } from "../training-loop.js";
import { loadRun, type RunSettings, type SavedRun } from "../training-state.js";

export async function trainModel(context: CommandContext, path: string, options: TrainArguments): Promise<Outcome> {
  await checkWritableFolder(options.out);
  const { checkpoint, fresh } = await loadOrStart(path, options.seed);
  if (!fresh && !options.resume) refuseModelFolder(options.out, path);
  const start = fresh ? `fresh weights of seed ${options.seed}` : "its weights";
  return runPlan(context, { command: "train", name: modelName(path), start, checkpoint, masks: new Map(), options });
}

export async function finetuneModel(
  context: CommandContext,
  path: string,
  options: TrainArguments & { masks?: string },
): Promise<Outcome> {
  if (!options.resume) refuseModelFolder(options.out, path);
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

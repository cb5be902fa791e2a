/** `secateur train` and `secateur finetune`: the same loop, without and with masks. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Gpu } from "../../gpu/index.js";
import type { Checkpoint } from "../../io/checkpoint.js";
import type { Dataset } from "../../io/dataset.js";
import { isFolder } from "../../io/node/files.js";
import { checkWritableFolder, openDataset } from "../../io/node/index.js";
import { createModel, type Model } from "../../nn/index.js";
import { encodeMasks, maskWeights, writeMasks } from "../../prune/index.js";
import { integer } from "../../report/format.js";
import { distillation, type Objective, Trainer, trainingSteps } from "../../train/index.js";
import { checkTeaching, openTeaching, type Teaching, teachingSettings } from "../distillation-arguments.js";
import type { CommandContext, Outcome } from "../host.js";
import { loadMasks, loadOrStart, loadWithWeights, modelName } from "../model.js";
import { dataPlaces, isModelOf, modelPlaces, refuseInputFolder } from "../places.js";
import { durationText } from "../progress.js";
import { trainedFiles } from "../run-folder.js";
import { checkTraining, trainingSettings, trainOptions } from "../training-arguments.js";
import { type Plan, recordText, runLoop, type TrainArguments, trainingNotes } from "../training-loop.js";
import { digest, fingerprint, loadRun, noteLostRun, type RunSettings, type SavedRun } from "../training-state.js";

export async function trainModel(context: CommandContext, path: string, options: TrainArguments): Promise<Outcome> {
  checkTraining(options);
  const { checkpoint, fresh } = await loadOrStart(path, options.seed);
  await checkOutput(options, fresh ? [] : modelPlaces(path));
  if (!fresh) await noteUnusedMasks(context, path, "secateur finetune --masks");
  const start = fresh ? `fresh weights of seed ${options.seed}` : "its weights";
  const startMark = fresh ? "fresh weights" : markOf(checkpoint, path, options);
  const masks = new Map();
  return runPlan(context, { command: "train", name: modelName(path), start, startMark, checkpoint, masks, options });
}

export async function finetuneModel(
  context: CommandContext,
  path: string,
  options: TrainArguments & { masks?: string },
): Promise<Outcome> {
  checkTraining(options);
  checkTeaching(options);
  await checkOutput(options, [...modelPlaces(path), ...(options.masks === undefined ? [] : [options.masks])]);
  const checkpoint = await loadWithWeights(path);
  const masks = options.masks === undefined ? new Map() : await loadMasks(options.masks, checkpoint);
  if (masks.size === 0) await noteUnusedMasks(context, path, "--masks");
  return runPlan(context, {
    command: "finetune",
    name: modelName(path),
    start: "its weights",
    startMark: markOf(checkpoint, path, options),
    checkpoint,
    masks,
    options,
  });
}

const markOf = (checkpoint: Checkpoint, path: string, { out }: TrainArguments): string | undefined =>
  isModelOf(path, out) ? undefined : `weights ${fingerprint(checkpoint)}`;

/** Tells that the weights are a pruned model's, whose masks lie beside them. */
async function noteUnusedMasks({ note }: CommandContext, path: string, remedy: string): Promise<void> {
  const masks = join((await isFolder(path)) ? path : dirname(path), "masks.safetensors");
  if (existsSync(masks)) note(`note: removed weights are trained too; ${remedy} ${masks} would hold them at zero`);
}

/**
 * A run that is resumed goes on in the folder that it may have begun from.
 * @throws UsageError for a folder that cannot be written, or in which output would replace input.
 */
async function checkOutput(options: TrainArguments, starts: readonly string[]): Promise<void> {
  const { out, data, test, teacher, resume } = options;
  const teachers = teacher === undefined ? [] : modelPlaces(teacher);
  refuseInputFolder("out", out, [...(resume ? [] : starts), ...teachers, ...dataPlaces(data, test)]);
  await checkWritableFolder(out);
}

function settingsOf(
  { options, masks, checkpoint, startMark }: Plan,
  { length, labels, sampleShape }: Dataset,
  teaching: Teaching | undefined,
): RunSettings {
  const data = { examples: length, sampleShape: sampleShape.join(" x "), labels: digest(labels) };
  const held = masks.size > 0 ? digest(encodeMasks(masks, checkpoint.naming)) : null;
  const { ema = null } = options;
  const start: RunSettings = startMark === undefined ? {} : { start: startMark };
  return { ...trainingSettings(options), ema, ...data, masks: held, ...teachingSettings(teaching), ...start };
}

async function runPlan(context: CommandContext, plan: Plan): Promise<Outcome> {
  const begin = performance.now();
  const { checkpoint, masks, options } = plan;
  const dataset = await openDataset(options.data, checkpoint.config, { defaultSplit: "train" });
  const test = options.test === undefined ? undefined : await openDataset(options.test, checkpoint.config);
  trainingSteps(dataset, trainOptions(options)); // refuses a batch larger than the data before a device is opened
  const teaching = await openTeaching(options);
  const asked = settingsOf(plan, dataset, teaching);
  const saved = options.resume ? await loadRun(options.out, checkpoint, asked) : undefined;
  const settings = saved?.settings ?? asked;
  if (!saved) await noteLostRun(options.out, context.note);
  using notes = trainingNotes(context, options, saved?.log ?? []);

  using gpu = await context.openGpu();
  // Removed weights are zero from the start, as they are in every file of the run.
  const model = createModel(gpu, checkpoint.config, maskWeights(saved?.weights ?? checkpoint.weights, masks));
  writeMasks(model, masks);
  const objective = teaching && objectiveOf(gpu, model, teaching);
  using trainer = new Trainer(model, dataset, { ...trainOptions(options), objective });
  if (saved) trainer.restore(saved);
  const log = await runLoop(context, { ...plan, model, trainer, test, settings, notes }, saved?.log ?? []);

  const seconds = (performance.now() - begin) / 1000;
  const last = log.at(-1);
  const text = [
    `${plan.name}: ${integer(trainer.step)} steps of ${options.batch} images from ${startText(plan, saved)}`,
    ...(last ? [recordText(last, options.epochs)] : []),
    `${options.out}: ${trainedFiles(options.out).join(", ")} (${durationText(seconds)} on ${gpu.info.description})`,
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
      accuracy: last?.test ?? null,
      out: options.out,
      seconds,
      adapter: gpu.info.description,
    },
    text: text.join("\n"),
  };
}

function objectiveOf(gpu: Gpu, student: Model, { checkpoint, ...how }: Teaching): Objective {
  const teacher = createModel(gpu, checkpoint.config, checkpoint.weights);
  return distillation(student, { teacher, ...how });
}

const startText = ({ start }: Plan, saved: SavedRun | undefined): string =>
  saved ? `step ${integer(saved.step)} of ${start}` : start;

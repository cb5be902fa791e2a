/** Models, masks and data of a command's arguments, read and checked before a device is opened. */
import { basename, dirname, join, resolve } from "node:path";
import { FormatError } from "../errors.js";
import type { Checkpoint } from "../io/checkpoint.js";
import type { ModelConfig } from "../io/config.js";
import { type Dataset, firstOfEachClass, subset } from "../io/dataset.js";
import type { JsonObject } from "../io/json.js";
import { isFolder, listFolder } from "../io/node/files.js";
import { loadConfig, loadModel, openDataset, readBytes } from "../io/node/index.js";
import { architectureOf } from "../nn/index.js";
import { checkMasks, type MaskSet, parseMasks } from "../prune/index.js";

/** The config of a model that has no weights yet: MODEL itself, or what a folder without weights holds. */
async function configAlone(path: string): Promise<string | undefined> {
  if (!(await isFolder(path))) return path.endsWith(".json") ? path : undefined;
  const { files } = await listFolder(path);
  const isAlone = files.includes("config.json") && !files.includes("model.safetensors");
  return isAlone ? join(path, "config.json") : undefined;
}

/** A model that has weights. @throws FormatError for a config alone, and as `loadModel` does. */
export async function loadWithWeights(path: string): Promise<Checkpoint> {
  if ((await configAlone(path)) === undefined) return loadModel(path);
  throw new FormatError(
    `${path}: expected a model with weights, got a config alone; \`secateur train\` and \`secateur prune\` start from one`,
  );
}

/** A model to train: its own weights where there are some, else fresh ones for its config. */
export async function loadOrStart(path: string, seed: number): Promise<{ checkpoint: Checkpoint; fresh: boolean }> {
  const source = await configAlone(path);
  if (source === undefined) return { checkpoint: await loadModel(path), fresh: false };
  const { config, ...files } = await loadConfig(source);
  const architecture = architectureOf(config);
  const { model_type: family } = files.rawConfig;
  const naming = family === undefined ? "timm" : family === "deit" ? "deit" : "vit";
  const weights = architecture.initialWeights(seed);
  return { checkpoint: { config, ...files, naming, weights, metadata: new Map() }, fresh: true };
}

/** What a model is called in a report: its folder, or its file where that says more. */
export function modelName(path: string): string {
  const [, stem] = /^(.+)\.(?:safetensors|json)$/.exec(basename(path)) ?? [];
  const isPlain = stem === "model" || stem === "config";
  return stem !== undefined && !isPlain ? stem : basename(stem === undefined ? resolve(path) : dirname(resolve(path)));
}

/** Config values that are plain enough for a table. */
export function plainConfig(rawConfig: JsonObject): Record<string, string | number | boolean | readonly number[]> {
  const isPlain = (value: unknown): value is string | number | boolean | readonly number[] =>
    ["string", "number", "boolean"].includes(typeof value) ||
    (Array.isArray(value) && value.length <= 8 && value.every((entry) => typeof entry === "number"));
  return Object.fromEntries(
    Object.entries(rawConfig).flatMap(([key, value]) => (isPlain(value) ? [[key, value] as const] : [])),
  );
}

/** @throws FormatError for a file that holds no masks; UsageError for masks of another model. */
export async function loadMasks(path: string, { weights }: Checkpoint): Promise<MaskSet> {
  const masks = parseMasks(await readBytes(path), path);
  checkMasks(masks, (name) => weights.get(name)?.shape, path);
  return masks;
}

export interface CalibrationArguments {
  readonly calibration?: string;
  readonly examplesPerClass?: number;
}

/** Data to learn from in their own order, with so many examples of each class where a number is given. */
export async function openExamples(
  path: string,
  examplesPerClass: number | undefined,
  config: ModelConfig,
): Promise<Dataset> {
  const all = await openDataset(path, config, { defaultSplit: "train" });
  return examplesPerClass === undefined ? all : subset(all, firstOfEachClass(all.labels, examplesPerClass));
}

/** Calibration data, where there are any. */
export const openCalibration = async (
  { calibration, examplesPerClass }: CalibrationArguments,
  config: ModelConfig,
): Promise<Dataset | undefined> =>
  calibration === undefined ? undefined : openExamples(calibration, examplesPerClass, config);

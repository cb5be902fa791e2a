/** A training run as it lies in its folder: weights beside optimizer.safetensors, trainer.json and log.jsonl. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { FormatError, UsageError } from "../errors.js";
import { asF32, type Checkpoint, encodeCheckpoint } from "../io/checkpoint.js";
import { isObject, type JsonObject, parseJsonObject } from "../io/json.js";
import { loadModel, readBytes } from "../io/node/index.js";
import { isStatistic } from "../io/parameters.js";
import { encodeSafetensors, type FloatTensor, type HostTensor, parseSafetensors } from "../io/safetensors.js";
import { quote } from "../io/text.js";
import { encodeMasks, type MaskSet } from "../prune/index.js";
import type { TrainerState } from "../train/index.js";
import { writeRun } from "./run-folder.js";
import { lossNote } from "./save-notes.js";

/** Everything that decides the numbers of a run. A resumed run must agree. */
export type RunSettings = Readonly<Record<string, number | string | boolean | null>>;

/** Short enough for a message, long enough to tell two files apart. */
export const digest = (...parts: readonly NodeJS.ArrayBufferView[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex").slice(0, 16);
};

/** Tells runs over other weights, or with other words said of them, apart. */
export function fingerprint({ weights }: Pick<Checkpoint, "weights">, ...words: readonly unknown[]): string {
  const parts = [...Array.from(weights, ([name, { data }]) => `${name} ${digest(data)}`), ...words];
  return digest(new TextEncoder().encode(parts.join("\n")));
}

/** One line of log.jsonl. */
export interface EpochRecord {
  readonly epoch: number;
  readonly step: number;
  /** Mean over the steps of the epoch, with label smoothing. */
  readonly loss: number;
  readonly learningRate: number;
  readonly test: { readonly top1: number; readonly top5: number; readonly loss: number } | null;
}

/** What a run goes on from. Its folder's model.safetensors holds the average where there is one, and else the weights. */
export interface RunState extends TrainerState {
  readonly weights: ReadonlyMap<string, FloatTensor>;
}

export interface SavedRun extends RunState {
  readonly log: readonly EpochRecord[];
  /** Those that the run began with. */
  readonly settings: RunSettings;
}

const FILES = { moments: "optimizer.safetensors", trainer: "trainer.json", log: "log.jsonl" } as const;

/** Before the names of the trained weights, which lie beside the moments when the model's file holds their average. */
const WEIGHT = "weight.";

/** Notes in the metadata of a file which step it belongs to. */
const stepNote = (step: number): readonly [string, string] => ["step", String(step)];

/**
 * Saves a run into its folder. Each file tells its step, and trainer.json comes last: a save that was cut short between two files is noticed when
 * the run is resumed.
 *
 * @param checkpoint - what the run began with
 * @param totalSteps - of the whole training
 * @throws UsageError in one line for a folder that cannot be written.
 */
export async function saveRun(
  folder: string,
  checkpoint: Checkpoint,
  masks: MaskSet,
  { step, moments, weights, average }: RunState,
  totalSteps: number,
  settings: RunSettings,
  log: readonly EpochRecord[],
): Promise<void> {
  const files = new Map<string, Uint8Array | string>();
  if (masks.size > 0) files.set("masks.safetensors", encodeMasks(masks, checkpoint.naming));
  const trained = average ? Array.from(weights, ([name, tensor]) => [WEIGHT + name, tensor] as const) : [];
  files.set(FILES.moments, encodeSafetensors(asF32([...moments, ...trained]), [stepNote(step)]));
  files.set(FILES.log, log.map((record) => `${JSON.stringify(record)}\n`).join(""));
  files.set(FILES.trainer, `${JSON.stringify({ step, totalSteps, settings }, null, 2)}\n`);
  const metadata = new Map([...checkpoint.metadata, stepNote(step)]);
  const model = encodeCheckpoint({ ...checkpoint, weights: new Map(average ?? weights), metadata });
  await writeRun(folder, new Map([...model, ...files]));
}

/** Says what is lost by a training that starts anew, where it could go on. */
export async function noteLostRun(folder: string, note: (text: string) => void): Promise<void> {
  const path = join(folder, FILES.trainer);
  const nothing: JsonObject = {};
  const { step, totalSteps } = existsSync(path) ? await readTrainer(path).catch(() => nothing) : nothing;
  if (Number(step) < Number(totalSteps)) note(lossNote(path));
}

const readTrainer = async (path: string): Promise<JsonObject> => parseJsonObject(await readBytes(path), path);

/** @throws FormatError for files that are missing or do not fit each other; UsageError for settings that differ. */
export async function loadRun(folder: string, start: Checkpoint, settings: RunSettings): Promise<SavedRun> {
  const trainerFile = join(folder, FILES.trainer);
  if (!existsSync(trainerFile)) {
    throw new UsageError(`resume: expected ${trainerFile} of an interrupted run, got none; leave --resume out`);
  }
  const trainer = await readTrainer(trainerFile);
  const { step } = trainer;
  if (typeof step !== "number" || !Number.isSafeInteger(step) || step < 0) {
    throw new FormatError(`${trainerFile}: expected "step" to be a count, got ${quote(step)}; start again`);
  }
  const began = checkSettings(trainer.settings, settings, trainerFile);
  const { config, weights: model, metadata: notes } = await loadModel(folder);
  if (JSON.stringify(config) !== JSON.stringify(start.config)) {
    throw new UsageError(
      `${folder}: expected a run of the same config, got another; resume with the model it began with`,
    );
  }
  const momentsFile = join(folder, FILES.moments);
  const { tensors, metadata } = parseSafetensors(await readBytes(momentsFile), momentsFile);
  const logFile = join(folder, FILES.log);
  const log = parseLog(await readBytes(logFile), logFile);
  checkStep(join(folder, "model.safetensors"), notes.get("step"), step);
  checkStep(momentsFile, metadata.get("step"), step);
  checkStep(logFile, log.at(-1)?.step, step);
  const stored = (key: string, shape: readonly number[]) => storedTensor(tensors, key, shape, momentsFile);
  const moments = new Map<string, FloatTensor>();
  for (const [name, { shape }] of model) {
    if (isStatistic(name)) continue;
    for (const key of [`first.${name}`, `second.${name}`]) moments.set(key, stored(key, shape));
  }
  if (settings.ema === null) return { step, moments, weights: model, log, settings: began };
  const weights = new Map(Array.from(model, ([name, { shape }]) => [name, stored(WEIGHT + name, shape)]));
  return { step, moments, weights, average: model, log, settings: began };
}

function storedTensor(
  tensors: ReadonlyMap<string, HostTensor>,
  key: string,
  shape: readonly number[],
  source: string,
): FloatTensor {
  const tensor = tensors.get(key);
  if (tensor?.dtype === "F32" && tensor.shape.join() === shape.join()) return tensor;
  throw new FormatError(`${source}: expected ${key} of shape [${shape}], got [${tensor?.shape}]; start again`);
}

/** Files of two saves lie side by side when the second one was cut short. */
function checkStep(file: string, got: string | number | undefined, step: number): void {
  if (String(got) === String(step)) return;
  throw new FormatError(
    `${file}: expected the state of step ${step}, as in trainer.json, got ${got === undefined ? "none" : `step ${got}`}; ` +
      "a save was cut short, start again",
  );
}

/** The settings of the saved run, with options that came later. A start that it does not tell stays untold: this command's may be another. */
function checkSettings(saved: unknown, wanted: RunSettings, source: string): RunSettings {
  const before = isObject(saved) ? saved : {};
  const { start, ...options } = wanted;
  for (const [name, value] of Object.entries(options)) {
    if ((before[name] ?? null) === value) continue; // options that came later are absent in older runs
    throw new UsageError(
      `${source}: expected the settings of the run that is resumed, got ${name} ${value} instead of ${before[name] ?? null}; ` +
        "repeat its options or leave --resume out",
    );
  }
  if (start !== undefined && before.start !== undefined && start !== before.start) {
    throw new UsageError(
      `${source}: expected the start of the run that is resumed, ${before.start}, got ${start}; ` +
        `resume with the model that it began with, or with ${dirname(source)}`,
    );
  }
  return { ...before, ...options } as RunSettings;
}

const parseLog = (bytes: Uint8Array, source: string): EpochRecord[] =>
  new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter(Boolean)
    .map((line) => parseJsonObject(new TextEncoder().encode(line), source) as unknown as EpochRecord);

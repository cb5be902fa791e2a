/** A training run as it lies in its folder: weights beside optimizer.safetensors, trainer.json and log.jsonl. */
import { join } from "node:path";
import { FormatError, UsageError } from "../errors.js";
import { asF32 } from "../io/checkpoint.js";
import { isObject, parseJsonObject } from "../io/json.js";
import { loadModel, readBytes } from "../io/node/index.js";
import { encodeSafetensors, type FloatTensor, parseSafetensors } from "../io/safetensors.js";
import type { TrainerState } from "../train/index.js";
import type { ViTCheckpoint } from "./model.js";

/** Everything that decides the numbers of a run, besides the first weights. A resumed run must agree. */
export type RunSettings = Readonly<Record<string, number | boolean | null>>;

/** One line of log.jsonl. */
export interface EpochRecord {
  readonly epoch: number;
  readonly step: number;
  /** Mean over the steps of the epoch, with label smoothing. */
  readonly loss: number;
  readonly learningRate: number;
  readonly test: { readonly top1: number; readonly top5: number; readonly loss: number } | null;
}

export interface SavedRun extends TrainerState {
  readonly weights: Map<string, FloatTensor>;
  readonly log: readonly EpochRecord[];
}

const FILES = { moments: "optimizer.safetensors", trainer: "trainer.json", log: "log.jsonl" } as const;

export function encodeRun(
  { step, moments }: TrainerState,
  settings: RunSettings,
  log: readonly EpochRecord[],
): Map<string, Uint8Array | string> {
  return new Map<string, Uint8Array | string>([
    [FILES.moments, encodeSafetensors(asF32(moments), [["step", String(step)]])],
    [FILES.trainer, `${JSON.stringify({ step, settings }, null, 2)}\n`],
    [FILES.log, log.map((record) => `${JSON.stringify(record)}\n`).join("")],
  ]);
}

/** @throws FormatError for files that are missing or do not fit each other; UsageError for settings that differ. */
export async function loadRun(folder: string, model: ViTCheckpoint, settings: RunSettings): Promise<SavedRun> {
  const trainerFile = join(folder, FILES.trainer);
  const trainer = parseJsonObject(await readBytes(trainerFile), trainerFile);
  checkSettings(trainer.settings, settings, trainerFile);
  const { config, weights } = await loadModel(folder);
  if (JSON.stringify(config) !== JSON.stringify(model.config)) {
    throw new UsageError(
      `${folder}: expected a run of the same config, got another; resume with the model it began with`,
    );
  }
  const momentsFile = join(folder, FILES.moments);
  const { tensors, metadata } = parseSafetensors(await readBytes(momentsFile), momentsFile);
  if (metadata.get("step") !== String(trainer.step)) {
    throw new FormatError(
      `${momentsFile}: expected the state of step ${trainer.step}, as in trainer.json, got step ${metadata.get("step")}; start again`,
    );
  }
  const moments = new Map<string, FloatTensor>();
  for (const [name, { shape }] of weights) {
    for (const key of [`first.${name}`, `second.${name}`]) {
      const tensor = tensors.get(key);
      if (tensor?.dtype !== "F32" || tensor.shape.join() !== shape.join()) {
        throw new FormatError(
          `${momentsFile}: expected ${key} of shape [${shape}], got [${tensor?.shape}]; start again`,
        );
      }
      moments.set(key, tensor);
    }
  }
  return { step: Number(trainer.step), moments, weights, log: parseLog(await readBytes(join(folder, FILES.log))) };
}

function checkSettings(saved: unknown, wanted: RunSettings, source: string): void {
  const before = isObject(saved) ? saved : {};
  for (const [name, value] of Object.entries(wanted)) {
    if (before[name] === value) continue;
    throw new UsageError(
      `${source}: expected the settings of the run that is resumed, got ${name} ${value} instead of ${before[name]}; ` +
        "repeat its options or leave --resume out",
    );
  }
}

const parseLog = (bytes: Uint8Array): EpochRecord[] =>
  new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** Holds the options of callers without types to what they may be. The compiler does so for others. */
import { UsageError } from "../errors.js";
import { checkName } from "./check-name.js";
import type { PruneOptions } from "./prune-options.js";
import { SCHEDULES } from "./schedule.js";
import { SCOPES } from "./select.js";
import { GRANULARITIES } from "./units.js";

type Names<T> = Readonly<Record<keyof T, true>>;

const OPTIONS: Names<Required<PruneOptions>> = {
  saliency: true,
  sparsity: true,
  amount: true,
  granularity: true,
  scope: true,
  protection: true,
  rounds: true,
  schedule: true,
  calibration: true,
  statistics: true,
  batchSize: true,
  seed: true,
  reference: true,
  floor: true,
  ceiling: true,
  multipleOf: true,
  pattern: true,
  monotone: true,
  prepare: true,
  finetune: true,
  fingerprint: true,
  snapshots: true,
  savesWeights: true,
  on: true,
  signal: true,
};

const PROTECTION: Names<Required<NonNullable<PruneOptions["protection"]>>> = {
  embedding: true,
  classifier: true,
  biases: true,
  norms: true,
  layers: true,
};

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

function checkType(what: string, value: unknown, fits: boolean, expected: string, remedy: string): void {
  if (value === undefined || fits) return;
  const got = typeof value === "string" ? `"${value}"` : Array.isArray(value) ? "an array" : String(value);
  throw new UsageError(`${what}: expected ${expected}, got ${got}; ${remedy}`);
}

/** @throws UsageError for an option, or a value of one, that does not exist. */
export function checkOptions(options: PruneOptions<string, string>): void {
  const { saliency, granularity, scope, schedule, amount, protection = {}, calibration } = options;
  for (const name of Object.keys(options)) checkName("prune: options", name, Object.keys(OPTIONS));
  for (const name of Object.keys(protection)) checkName("protection", name, Object.keys(PROTECTION));
  const isSaliency = isObject(saliency) && Array.isArray(saliency.needs) && typeof saliency.score === "function";
  checkType(
    "saliency",
    saliency ?? "none",
    isSaliency,
    "an object with needs and score",
    'criterionByName("taylor") gives a shipped one',
  );
  if (typeof granularity === "string")
    checkName("granularity", granularity, [...GRANULARITIES, "{ block: [rows, columns] }"]);
  if (typeof scope === "string") checkName("scope", scope, [...SCOPES, "(group) => key"]);
  if (schedule !== undefined) checkName("schedule", schedule, SCHEDULES);
  checkType(
    "amount",
    amount,
    isObject(amount),
    "an object such as { sparsityOfAlive: 0.5 }",
    "sparsity: 0.5 is a number",
  );
  const readable = isObject(calibration) && !(calibration instanceof ArrayBuffer);
  checkType("calibration", calibration, readable, "a dataset or batches", "openDataset of secateur/node opens a path");
  for (const name of ["prepare", "finetune"] as const) {
    const callback = options[name];
    checkType(
      name,
      callback,
      typeof callback === "function",
      "a function",
      `${name}: ({ train }) => train(data, { ... })`,
    );
  }
  checkType(
    "protection.layers",
    protection.layers,
    typeof protection.layers === "function",
    "a function of a layer's name",
    '(name) => name === "blocks.0.attn.qkv"',
  );
  for (const name of ["sparsity", "rounds", "batchSize", "seed"] as const) {
    const value = options[name];
    checkType(name, value, typeof value === "number", "a number", "correct it");
  }
}

/** A pruning run between two rounds, as plain data. */
import { UsageError } from "../errors.js";
import type { FloatTensor } from "../io/safetensors.js";
import type { Model } from "../nn/index.js";
import type { Checkpoint } from "./checkpoint.js";
import type { PruneRound } from "./events.js";
import type { ResolvedOptions } from "./prune-options.js";
import type { Selector } from "./select.js";
import type { Amount } from "./select-options.js";
import { granularityText, type UnitSpace } from "./units.js";
import type { WeightStore } from "./weight-store.js";

/** What decides a run, in words and numbers. */
export type RunSettings = Readonly<Record<string, string | number | boolean>>;

/**
 * What a run needs to go on exactly. Random draws depend on seed, round and batch only, and each round reads the calibration data from the start, so
 * neither a generator nor a position has to be kept.
 */
export interface PrunerState {
  /** What the run was asked for; a run asked for something else refuses the state. */
  readonly settings: RunSettings;
  readonly rounds: readonly PruneRound[];
  /** Whether `prepare` has run. */
  readonly prepared: boolean;
  /** One bit a unit, 1 = keep. */
  readonly keep: Uint32Array;
  /** Of the last round. */
  readonly scores: Float32Array;
  /** All weights, where the run may change them. */
  readonly weights?: ReadonlyMap<string, FloatTensor>;
  /** Weights that were kept under a name. */
  readonly kept: ReadonlyMap<string, ReadonlyMap<string, FloatTensor>>;
  /** What training has summed. */
  readonly training: ReadonlyMap<string, FloatTensor>;
}

/** FNV-1a of a text that is too long for a message. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

function amountText(amount: Amount, { groups }: Selector): string {
  if (!("budget" in amount) || typeof amount.budget.cost !== "function") return JSON.stringify(amount);
  const { cost, ...rest } = amount.budget;
  return JSON.stringify({ ...rest, costs: digest(groups.map((group) => cost(group)).join()) });
}

/** Functions among the options count by what they give for each group. */
export function settingsOf(options: ResolvedOptions, space: UnitSpace, selector: Selector): RunSettings {
  const { saliency, amount, granularity, scope, rounds, schedule, batchSize, seed, reference, selection } = options;
  const { groups } = selector;
  const limits = groups.map(({ name, offset, units, least, most, multiple }) => [
    name,
    offset,
    units,
    least,
    most,
    multiple,
  ]);
  return {
    saliency: saliency.name ?? "",
    amount: amountText(amount, selector),
    granularity: granularityText(granularity),
    scope: typeof scope === "string" ? scope : "keys",
    units: space.count,
    limits: digest(limits.join()),
    pattern: selection.pattern ?? "",
    monotone: selection.monotone ?? !reference,
    rounds,
    schedule,
    batchSize,
    seed,
    reference,
    prepares: options.prepare !== undefined,
    finetunes: options.finetune !== undefined,
    compensates: saliency.compensate !== undefined,
    savesWeights: options.savesWeights,
    fingerprint: options.fingerprint,
  };
}

/** Reads a run's state back from the device. */
export async function readState(
  { keep, scores, weights, training }: Checkpoint,
  store: WeightStore,
  rest: Pick<PrunerState, "settings" | "rounds" | "prepared">,
): Promise<PrunerState> {
  const sums = new Map<string, FloatTensor>();
  for (const [key, sum] of training) sums.set(key, { shape: [...sum.shape], data: await sum.read() });
  return {
    ...rest,
    keep: await keep.readWords(),
    scores: await scores.read(),
    ...(weights ? { weights: await weights.read() } : {}),
    kept: await store.read(),
    training: sums,
  };
}

/** What settings stand for that are no words themselves. */
const DIGESTS: Readonly<Record<string, string>> = {
  fingerprint: "model, data and training",
  limits: "units, floors, ceilings, multiples and protected layers",
};

function refuse(expected: string, got: unknown): never {
  throw new UsageError(
    `resume: expected a state with ${expected}, got ${got}; resume with the options it was saved with`,
  );
}

/** @throws UsageError naming the first setting of a state that differs. */
export function checkSettings(saved: RunSettings, wanted: RunSettings): void {
  for (const [name, expected] of Object.entries(wanted)) {
    const got = saved[name];
    if (got === expected) continue;
    if (name in DIGESTS) refuse(`the same ${DIGESTS[name]}`, "one with others");
    refuse(`${name} ${expected === "" ? "unnamed" : expected}`, got === "" ? "unnamed" : got);
  }
}

/** @throws UsageError naming the first setting that differs, or what does not fit the model. */
export function checkState(
  state: PrunerState,
  settings: RunSettings,
  { model, selector, scorer }: { model: Model; selector: Selector; scorer: { scores: { size: number } } },
): void {
  checkSettings(state.settings, settings);
  if (state.keep.length !== selector.keep.size) refuse(`${selector.keep.size} words of keep bits`, state.keep.length);
  if (state.scores.length !== scorer.scores.size) refuse(`${scorer.scores.size} scores`, state.scores.length);
  for (const weights of [state.weights ?? [], ...state.kept.values()]) {
    for (const [name, { data }] of weights) {
      const size = model.parameters.has(name) ? model.parameters.get(name).size : 0;
      if (data.length !== size) refuse(`${size} weights in ${name}`, data.length);
    }
  }
}

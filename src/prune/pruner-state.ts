/** A pruning run between two rounds, as plain data and as the bytes of a file. */
import { FormatError, UsageError } from "../errors.js";
import { asF32 } from "../io/checkpoint.js";
import { parseJsonObject } from "../io/json.js";
import { encodeSafetensors, type FloatTensor, type HostTensor, parseSafetensors } from "../io/safetensors.js";
import type { Model } from "../nn/index.js";
import type { PruneRound } from "./events.js";
import type { ResolvedOptions } from "./prune-options.js";
import type { Scorer } from "./scorer.js";
import type { Selector } from "./select.js";
import { granularityText, type UnitSpace } from "./units.js";

/**
 * What a run needs to go on exactly. Random draws depend on seed, round and batch only, and each round reads the calibration data from the start, so
 * neither a generator nor a position has to be kept.
 */
export interface PrunerState {
  /** What the run was asked for; a run asked for something else refuses the state. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly rounds: readonly PruneRound[];
  /** One bit a unit, 1 = keep. */
  readonly keep: Uint32Array;
  /** Of the last round. */
  readonly scores: Float32Array;
  /** All weights, where finetuning or compensation changes them. */
  readonly weights?: ReadonlyMap<string, FloatTensor>;
  /** What training has summed so far. */
  readonly training: ReadonlyMap<string, FloatTensor>;
}

function settingsOf(options: ResolvedOptions, space: UnitSpace): PrunerState["settings"] {
  const { saliency, amount, granularity, scope, rounds, schedule, batchSize, seed, reference, fingerprint } = options;
  return {
    saliency: saliency.name ?? "",
    amount: JSON.stringify(amount),
    granularity: granularityText(granularity),
    scope: typeof scope === "string" ? scope : "keys",
    rounds,
    schedule,
    batchSize,
    seed,
    reference,
    fingerprint,
    units: space.count,
    groups: space.groups.length,
  };
}

export async function readState(
  model: Model,
  options: ResolvedOptions,
  { keep }: Selector,
  { scores, space, statistics }: Scorer,
  rounds: readonly PruneRound[],
  withWeights: boolean,
): Promise<PrunerState> {
  const { sums } = await statistics.read(({ kind }) => kind === "training");
  return {
    settings: settingsOf(options, space),
    rounds: [...rounds],
    keep: await keep.readWords(),
    scores: await scores.read(),
    ...(withWeights ? { weights: await model.parameters.read() } : {}),
    training: sums,
  };
}

/** @throws UsageError naming the first setting that differs. */
export function checkState({ settings }: PrunerState, options: ResolvedOptions, space: UnitSpace): void {
  for (const [name, expected] of Object.entries(settingsOf(options, space))) {
    if (settings[name] === expected) continue;
    throw new UsageError(
      `resume: expected a state with ${name} ${expected}, got ${settings[name]}; resume with the options it was saved with`,
    );
  }
}

const NOTE = "secateur.pruner";
const WEIGHT = "weight ";
const TRAINING = "training ";

const prefixed = (prefix: string, tensors: ReadonlyMap<string, FloatTensor>) =>
  [...asF32(tensors)].map(([name, tensor]): [string, HostTensor] => [prefix + name, tensor]);

/** A state as the bytes of a .safetensors file. The same state gives the same bytes. */
export function encodeState({ settings, rounds, keep, scores, weights, training }: PrunerState): Uint8Array {
  const words = new Int32Array(keep.buffer, keep.byteOffset, keep.length);
  return encodeSafetensors(
    [
      ["keep", { dtype: "I32", shape: [keep.length], data: words }],
      ["scores", { dtype: "F32", shape: [scores.length], data: scores }],
      ...prefixed(WEIGHT, weights ?? new Map()),
      ...prefixed(TRAINING, training),
    ],
    [[NOTE, JSON.stringify({ settings, rounds })]],
  );
}

/** JSON has no NaN. */
const orNaN = (value: number | null): number => value ?? Number.NaN;

/** @throws FormatError for bytes that {@link encodeState} did not write. */
export function parseState(bytes: Uint8Array, source = "state"): PrunerState {
  const { tensors, metadata } = parseSafetensors(bytes, source);
  const note = metadata.get(NOTE);
  const keep = tensors.get("keep");
  const scores = tensors.get("scores");
  if (note === undefined || keep?.dtype !== "I32" || scores?.dtype !== "F32") {
    throw new FormatError(`${source}: expected the state of a pruning run, got another .safetensors file; start anew`);
  }
  const { settings, rounds } = parseJsonObject(new TextEncoder().encode(note), source) as unknown as PrunerState;
  const named = (prefix: string) =>
    new Map(
      [...tensors].flatMap(([name, { shape, data }]) =>
        name.startsWith(prefix) && data instanceof Float32Array ? [[name.slice(prefix.length), { shape, data }]] : [],
      ),
    );
  const weights = named(WEIGHT);
  return {
    settings,
    rounds: rounds.map((round) => ({
      ...round,
      density: orNaN(round.density),
      selections: round.selections.map((selection) => ({ ...selection, threshold: orNaN(selection.threshold) })),
    })),
    keep: new Uint32Array(keep.data.buffer, keep.data.byteOffset, keep.data.length),
    scores: scores.data,
    ...(weights.size > 0 ? { weights } : {}),
    training: named(TRAINING),
  };
}

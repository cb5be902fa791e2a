/** The state of a pruning run as the bytes of a .safetensors file. */
import { FormatError } from "../errors.js";
import { asF32 } from "../io/checkpoint.js";
import { isObject } from "../io/json.js";
import { encodeSafetensors, type FloatTensor, type HostTensor, parseSafetensors } from "../io/safetensors.js";
import type { PrunerState } from "./pruner-state.js";

const NOTE = "secateur.pruner";
/** Prefixes of tensor names. Names of kept weights may hold anything but a slash. */
const WEIGHT = "weights/";
const KEPT = "kept/";
const TRAINING = "training/";

/** Tensors under longer names. */
export const prefixed = (prefix: string, tensors: ReadonlyMap<string, FloatTensor>) =>
  [...asF32(tensors)].map(([name, tensor]): [string, HostTensor] => [prefix + name, tensor]);

/** Those of float tensors whose names begin with a prefix, without it. */
export const unprefixed = (prefix: string, tensors: ReadonlyMap<string, HostTensor>): Map<string, FloatTensor> =>
  new Map(
    [...tensors].flatMap(([name, { shape, data }]) =>
      name.startsWith(prefix) && data instanceof Float32Array ? [[name.slice(prefix.length), { shape, data }]] : [],
    ),
  );

/** JSON has no NaN and no infinities. */
const spelled = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

/** A state as the bytes of a .safetensors file. The same state gives the same bytes. */
export function encodeState({
  settings,
  rounds,
  prepared,
  keep,
  scores,
  weights,
  kept,
  training,
}: PrunerState): Uint8Array {
  const words = new Int32Array(keep.buffer, keep.byteOffset, keep.length);
  return encodeSafetensors(
    [
      ["keep", { dtype: "I32", shape: [keep.length], data: words }],
      ["scores", { dtype: "F32", shape: [scores.length], data: scores }],
      ...prefixed(WEIGHT, weights ?? new Map()),
      ...Array.from(kept).flatMap(([name, values]) => prefixed(`${KEPT}${name}/`, values)),
      ...prefixed(TRAINING, training),
    ],
    [[NOTE, JSON.stringify({ settings, rounds, prepared }, spelled)]],
  );
}

/** @throws FormatError for bytes that {@link encodeState} did not write. */
export function parseState(bytes: Uint8Array, source = "state"): PrunerState {
  const { tensors, metadata } = parseSafetensors(bytes, source);
  const note = parseNote(metadata.get(NOTE));
  const keep = tensors.get("keep");
  const scores = tensors.get("scores");
  if (!note || keep?.dtype !== "I32" || scores?.dtype !== "F32") {
    throw new FormatError(`${source}: expected the state of a pruning run, got another .safetensors file; start anew`);
  }
  const kept = new Map<string, Map<string, FloatTensor>>();
  for (const [path, tensor] of unprefixed(KEPT, tensors)) {
    const slash = path.indexOf("/");
    const name = path.slice(0, slash);
    kept.set(name, (kept.get(name) ?? new Map()).set(path.slice(slash + 1), tensor));
  }
  const weights = unprefixed(WEIGHT, tensors);
  return {
    ...note,
    keep: new Uint32Array(keep.data.buffer, keep.data.byteOffset, keep.data.length),
    scores: scores.data,
    ...(weights.size > 0 ? { weights } : {}),
    kept,
    training: unprefixed(TRAINING, tensors),
  };
}

type Note = Pick<PrunerState, "settings" | "rounds" | "prepared">;

/** Undefined for what is no note of a run. */
function parseNote(text: string | undefined): Note | undefined {
  try {
    const { settings, rounds, prepared } = JSON.parse(text ?? "") as Note;
    const numbers = rounds.map((round) => ({
      ...round,
      density: Number(round.density),
      selections: round.selections.map((selection) => ({ ...selection, threshold: Number(selection.threshold) })),
    }));
    return isObject(settings) && typeof prepared === "boolean" ? { settings, rounds: numbers, prepared } : undefined;
  } catch {
    return undefined;
  }
}

/** The state of a search as the bytes of a .safetensors file. */
import { FormatError } from "../../errors.js";
import { isObject } from "../../io/json.js";
import { encodeSafetensors, type HostTensor, parseSafetensors } from "../../io/safetensors.js";
import { prefixed, unprefixed } from "../state-file.js";
import type { SearchState, TrainingState } from "./search-state.js";

const NOTE = "secateur.search";
/** Prefixes of tensor names; those of the finetuning stand before those of a training. */
const [WEIGHTS, MOMENTS, AVERAGE, LEARNED, FINETUNING] = [
  "weights/",
  "moments/",
  "average/",
  "learned/",
  "finetuning/",
];

type Note = Pick<SearchState, "settings" | "step"> & { readonly finetuned: number | null };

const trainingTensors = (prefix: string, { weights, moments, average = new Map() }: TrainingState) => [
  ...prefixed(prefix + WEIGHTS, weights),
  ...prefixed(prefix + MOMENTS, moments),
  ...prefixed(prefix + AVERAGE, average),
];

/** A state as the bytes of a .safetensors file. The same state gives the same bytes. */
export function encodeSearch({ settings, step, learned, finetuning, ...training }: SearchState): Uint8Array {
  const note: Note = { settings, step, finetuned: finetuning?.step ?? null };
  return encodeSafetensors(
    [
      ...trainingTensors("", { step, ...training }),
      ...prefixed(LEARNED, learned),
      ...(finetuning ? trainingTensors(FINETUNING, finetuning) : []),
    ],
    [[NOTE, JSON.stringify(note)]],
  );
}

/** @throws FormatError for bytes that {@link encodeSearch} did not write. */
export function parseSearch(bytes: Uint8Array, source = "state"): SearchState {
  const { tensors, metadata } = parseSafetensors(bytes, source);
  const note = parseNote(metadata.get(NOTE));
  if (!note) {
    throw new FormatError(`${source}: expected the state of a search, got another .safetensors file; start anew`);
  }
  const { settings, step, finetuned } = note;
  return {
    settings,
    ...trainingOf(tensors, "", step),
    learned: unprefixed(LEARNED, tensors),
    ...(finetuned !== null && { finetuning: trainingOf(tensors, FINETUNING, finetuned) }),
  };
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Undefined for what is no note of a search. */
function parseNote(text: string | undefined): Note | undefined {
  try {
    const note = JSON.parse(text ?? "") as Note;
    return isObject(note.settings) && isCount(note.step) && (note.finetuned === null || isCount(note.finetuned))
      ? note
      : undefined;
  } catch {
    return undefined;
  }
}

function trainingOf(tensors: ReadonlyMap<string, HostTensor>, prefix: string, step: number): TrainingState {
  const average = unprefixed(prefix + AVERAGE, tensors);
  return {
    step,
    weights: unprefixed(prefix + WEIGHTS, tensors),
    moments: unprefixed(prefix + MOMENTS, tensors),
    ...(average.size > 0 && { average }),
  };
}

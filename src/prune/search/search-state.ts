/** A search between two steps, as plain data: read from the device, and put back. */
import type { FloatTensor } from "../../io/safetensors.js";
import type { Model } from "../../nn/index.js";
import type { Tensor } from "../../tensor/index.js";
import type { Trainer, TrainerState } from "../../train/index.js";
import { checkSaved } from "../../train/trainer-state.js";
import { checkSettings, type RunSettings } from "../pruner-state.js";
import { rewind } from "../weights.js";
import type { SearchMethod, SearchRun } from "./search.js";

/** A training between two steps. Batches and draws depend on seed and step only, so neither a generator nor a position has to be kept. */
export interface TrainingState extends TrainerState {
  readonly weights: ReadonlyMap<string, FloatTensor>;
}

/** What a search needs to go on exactly. */
export interface SearchState extends TrainingState {
  /** What the search was asked for; one that is asked for something else refuses the state. */
  readonly settings: RunSettings;
  /** Of the method, by its own names: gates, scores and the like with their moments. */
  readonly learned: ReadonlyMap<string, FloatTensor>;
  /** The training of what is left, where the search has ended and a host has begun one. */
  readonly finetuning?: TrainingState;
}

/** In words and numbers, with defaults filled in. */
export const searchSettings = (
  { name }: SearchMethod,
  { data, options, sparsity, reference = false, fingerprint = "" }: SearchRun,
): RunSettings => {
  const { epochs, batchSize, learningRate, seed = 0 } = options;
  const training = { examples: data.length, epochs, batchSize, learningRate, seed };
  return { method: name, sparsity, reference, ...training, fingerprint };
};

/** Reads a training's state back from the device. */
export const readTraining = async (model: Model, trainer: Trainer): Promise<TrainingState> => ({
  ...(await trainer.read()),
  weights: await model.parameters.read(),
});

/** Puts it back. @throws UsageError for the state of another model or training; nothing is changed then. */
export function restoreTraining(model: Model, trainer: Trainer, state: TrainingState): void {
  trainer.check(state);
  rewind(model, state.weights);
  trainer.restore(state);
}

/** A search under way. */
export interface RunningSearch {
  readonly model: Model;
  readonly trainer: Trainer;
  readonly learned: ReadonlyMap<string, Tensor>;
  readonly settings: RunSettings;
}

/** Reads a search's state back from the device. */
export async function readSearch({ model, trainer, learned, settings }: RunningSearch): Promise<SearchState> {
  const values = new Map<string, FloatTensor>();
  for (const [name, tensor] of learned) values.set(name, { shape: [...tensor.shape], data: await tensor.read() });
  return { ...(await readTraining(model, trainer)), settings, learned: values };
}

/** Puts it back. @throws UsageError for the state of another search; nothing is changed then. */
export function restoreSearch({ model, trainer, learned, settings }: RunningSearch, state: SearchState): void {
  checkSettings(state.settings, settings);
  checkSaved(state.learned, learned);
  restoreTraining(model, trainer, state);
  for (const [name, tensor] of learned) tensor.write(state.learned.get(name)!.data);
}

/** Searches: methods that learn what to remove while the weights train. What they have in common, and the training that runs one. */
import type { Dataset } from "../../io/dataset.js";
import type { FloatTensor } from "../../io/safetensors.js";
import { type Model, requireFloat32 } from "../../nn/index.js";
import type { Gradients, Tensor } from "../../tensor/index.js";
import {
  type StepReport,
  Trainer,
  type TrainHooks,
  type TrainingStep,
  type TrainOptions,
  trainingSteps,
} from "../../train/index.js";
import type { MaskSet } from "../masks/masks.js";
import type { UnitSpace } from "../units.js";
import { readSearch, restoreSearch, type SearchState, searchSettings } from "./search-state.js";

/** A method that learns what to remove. What is its own comes from its factory: `upop({ interval: 100 })`. */
export interface SearchMethod {
  readonly name: string;
  /** One line for people. */
  readonly formula: string;
  /** Puts gates or substitutes in place. @throws UsageError for options out of range, or a model that has no place for them. */
  readonly start: (model: Model, options: SearchOptions) => Search;
}

/** What every search is told. */
export interface SearchOptions {
  /** Part to remove, in (0, 1): of the parameters of the blocks, unless the method says otherwise. */
  readonly sparsity: number;
  /** Steps of the whole search. */
  readonly totalSteps: number;
  /** Highest learning rate of the weights. */
  readonly learningRate: number;
  /** The authors' code to the letter, slips included. */
  readonly reference?: boolean;
}

/** A search under way. Disposing takes what it put into the model away, and gives its memory back; masks stay. */
export interface Search extends Disposable {
  /**
   * Tensors of f32 that steps change, besides the weights: a saved search holds their values. What else changes must follow from these and the step.
   */
  readonly learned: ReadonlyMap<string, Tensor>;
  /** What passes over the model need, in training and in evaluation. */
  readonly forward?: TrainOptions["forward"];
  /** What training minimises: `step.loss` and penalties. Recorded with the step. */
  readonly objective?: (step: TrainingStep) => Tensor;
  /** Sees the gradients of weights and gates before the weights change. Recorded with the step. */
  readonly onGradients?: (gradients: Gradients) => void;
  /** Called before a step, which counts from 0, to write what changes by step. */
  readonly beforeStep?: (step: number) => void;
  /** Called when a step is done. */
  readonly afterStep?: (step: number) => void | Promise<void>;
  /** Folds gates into weights and puts masks over them: the model computes what it did, by itself. */
  readonly finish: () => Promise<SearchResult>;
}

/** What a search found. */
export interface SearchResult {
  readonly space: UnitSpace;
  readonly masks: MaskSet;
  /** 1 for each unit that is kept, by group name. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
  /** Part that went, of what `sparsity` is a part of: less than asked where every place keeps its last units. */
  readonly removed: number;
  /** By group name, one value a unit; what has a low score goes. */
  readonly scores: ReadonlyMap<string, FloatTensor>;
}

/** Data and lengths of a search. */
export interface SearchRun extends Pick<SearchOptions, "sparsity" | "reference"> {
  readonly data: Dataset;
  /** `forward`, `objective` and `onGradients` are the search's. */
  readonly options: Omit<TrainOptions, "forward" | "objective" | "onGradients" | "firstStep">;
  /** Of an interrupted search, which goes on from there to the same end as an uninterrupted one. */
  readonly resume?: SearchState;
  /** Tells searches over other weights, data or options of the method apart; a state of another one is refused. */
  readonly fingerprint?: string;
}

/** What a host may do between steps. What it is given reads the search as it stands. */
export interface SearchHooks extends Pick<TrainHooks, "beforeStep" | "signal"> {
  readonly onStep?: (report: StepReport, state: () => Promise<SearchState>) => void | Promise<void>;
  /** After the last step of each epoch, and after the last of all. */
  readonly onEpoch?: SearchHooks["onStep"];
}

/**
 * Trains a model while a method searches it, and leaves it with trained weights, averaged where an average is kept, and masks; `finetune` trains what
 * is left.
 * @throws UsageError for options out of range, or a state of another search; GpuError when the loss is not finite; the signal's reason when aborted, with the
 *   gates gone and the weights as they stand.
 */
export async function runSearch(
  model: Model,
  method: SearchMethod,
  run: SearchRun,
  hooks: SearchHooks = {},
): Promise<SearchResult> {
  requireFloat32(model, "search");
  const { data, options, sparsity, reference, resume } = run;
  const totalSteps = trainingSteps(data, options);
  using search = method.start(model, { sparsity, totalSteps, learningRate: options.learningRate, reference });
  const { forward, objective, onGradients, learned } = search;
  using trainer = new Trainer(model, data, { ...options, forward, objective, onGradients });
  const running = { model, trainer, learned, settings: searchSettings(method, run) };
  if (resume) restoreSearch(running, resume);
  const state = () => readSearch(running);
  await trainer.run({
    signal: hooks.signal,
    beforeStep: (step) => {
      search.beforeStep?.(step);
      hooks.beforeStep?.(step);
    },
    onStep: async (report) => {
      await search.afterStep?.(report.step - 1);
      await hooks.onStep?.(report, state);
    },
    onEpoch: (report) => hooks.onEpoch?.(report, state),
  });
  trainer.takeAverage();
  return await search.finish();
}

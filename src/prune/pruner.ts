/**
 * The engine: score, select, apply, compensate, finetune, round by round, over a model that it does not change in kind. It emits events, can be
 * driven step by step, stopped and resumed, and composes with any training loop.
 */
import { UsageError } from "../errors.js";
import type { Model } from "../nn/index.js";
import { Checkpoint } from "./checkpoint.js";
import { Emitter, EVENTS, type Handler, type PruneRound, type PrunerEvents } from "./events.js";
import type { GradientSource } from "./finetune.js";
import { clearMasks, type HostMask, readMasks } from "./masks/masks.js";
import { type PruneOptions, type ResolvedOptions, resolveOptions } from "./prune-options.js";
import { checkState, type PrunerState, readState, settingsOf } from "./pruner-state.js";
import { applySelection, type RoundParts, runRound, runTraining } from "./round.js";
import type { SourceName } from "./saliency/sources.js";
import { Scorer } from "./scorer.js";
import { Selector } from "./select.js";
import { type UnitSpace, unitSpace } from "./units.js";
import { DENSE, WeightStore } from "./weight-store.js";
import { rewind } from "./weights.js";

/** Where a round left the units and the masks. */
interface Snapshot {
  readonly keep: Uint32Array;
  readonly masks: ReadonlyMap<string, HostMask>;
}

/** Prunes one model. `release` gives its memory back; the model keeps its masks. */
export class Pruner<const N extends SourceName | Own = SourceName, Own extends string = never> implements Disposable {
  readonly space: UnitSpace;
  readonly scorer: Scorer;
  readonly selector: Selector;
  readonly #events = new Emitter<PrunerEvents>(EVENTS);
  readonly #options: ResolvedOptions;
  readonly #history: PruneRound[] = [];
  /** Of each round, where snapshots are kept. */
  readonly #snapshots: Snapshot[] = [];
  /** Weights to go back to, by name. */
  readonly #weights: WeightStore;
  /** Where the run stood before what is going on now. */
  #checkpoint: Checkpoint | undefined;
  #prepared = false;

  /** @throws UsageError for options out of range, missing calibration data, or a model that has masks already. */
  constructor(
    readonly model: Model,
    options: PruneOptions<N, Own>,
  ) {
    this.#options = resolveOptions(options);
    const { granularity, protection, scope, selection, on } = this.#options;
    this.#events.addAll(on);
    refuseMasks(model);
    this.space = unitSpace(model, granularity, protection, scope);
    this.selector = new Selector(model.gpu, this.space, selection);
    try {
      this.scorer = this.#openScorer();
    } catch (error) {
      this.selector.release();
      throw error;
    }
    this.#weights = new WeightStore(model);
    if (this.#options.savesWeights) this.#weights.keep(DENSE);
  }

  #openScorer(): Scorer {
    const scorer = new Scorer(this.model, this.space, this.#options.saliency, {
      ...this.#options,
      onBatch: (batch, batches) => this.#emit("batchScored", { ...this.#inRound, batch, batches }),
    });
    try {
      if (!this.#options.statistics) scorer.requireData();
    } catch (error) {
      scorer.release();
      throw error;
    }
    return scorer;
  }

  /** Rounds done. */
  get round(): number {
    return this.#history.length;
  }

  get rounds(): readonly PruneRound[] {
    return [...this.#history];
  }

  get done(): boolean {
    return this.round >= this.#options.rounds;
  }

  /** Masks after each round, where the option `snapshots` asked for them. */
  get snapshots(): readonly ReadonlyMap<string, HostMask>[] {
    return this.#snapshots.map(({ masks }) => masks);
  }

  /** Calls `handler` at each such event, and waits for it. Returns what takes it away again. */
  on<Name extends keyof PrunerEvents>(name: Name, handler: Handler<PrunerEvents[Name]>): () => void {
    return this.#events.on(name, handler);
  }

  /**
   * All rounds that are left. A round that fails or is aborted is undone, so that the run can go on from the last complete one.
   * @throws what a round throws, after `failed`; the signal's reason when aborted.
   */
  run(): Promise<readonly PruneRound[]> {
    return this.#reportingFailure(async () => {
      await this.#emit("started", { rounds: this.#options.rounds, units: this.space.count, done: this.round });
      while (!this.done) await this.#round();
      await this.#emit("completed", { rounds: this.rounds });
      return this.rounds;
    });
  }

  /** One round, undone if it fails. @throws UsageError when all rounds are done; what the round throws, after `failed`. */
  step(): Promise<PruneRound> {
    return this.#reportingFailure(() => this.#round());
  }

  async #reportingFailure<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // What went wrong matters more than what a handler makes of it.
      await this.#emit("failed", { error }).catch(() => {});
      throw error;
    }
  }

  async #round(): Promise<PruneRound> {
    const { rounds, signal, snapshots } = this.#options;
    if (this.done) throw new UsageError(`prune: expected fewer than ${rounds} rounds done, got all; make a new Pruner`);
    signal?.throwIfAborted();
    if (!this.#prepared) {
      if (this.round === 0) refuseMasks(this.model);
      const { prepare } = this.#options;
      if (prepare) await this.#undoable(() => runTraining(this.#parts, prepare, -1));
      this.#prepared = true;
    }
    const { result, snapshot } = await this.#undoable(async () => ({
      result: await runRound(this.#parts, this.round),
      snapshot: snapshots && (await this.#readSnapshot()),
    }));
    this.#history.push(result);
    if (snapshot) this.#snapshots.push(snapshot);
    await this.#emit("roundCompleted", { ...result, rounds });
    return result;
  }

  async #readSnapshot(): Promise<Snapshot> {
    return { keep: await this.selector.keep.readWords(), masks: await readMasks(this.model) };
  }

  /** Runs `work`; when it fails, everything on the device is as before. */
  async #undoable<T>(work: () => Promise<T>): Promise<T> {
    const checkpoint = this.#capture();
    const kept = this.#weights.names;
    this.#checkpoint = checkpoint;
    try {
      return await work();
    } catch (error) {
      try {
        checkpoint.restore();
        this.#weights.keepOnly(kept);
        if (this.round > 0) applySelection(this.#parts);
      } catch {} // a lost device has nothing to go back to, and the error that counts is the first
      throw error;
    } finally {
      this.#checkpoint = undefined;
      checkpoint.release();
    }
  }

  #capture(): Checkpoint {
    return new Checkpoint(this, this.#options.savesWeights, this.round > 0);
  }

  /**
   * Everything that a later run needs to go on after the last complete round and end with the same bytes; while a round is going on, where it began.
   */
  async state(): Promise<PrunerState> {
    const checkpoint = this.#checkpoint ?? this.#capture();
    try {
      const settings = settingsOf(this.#options, this.space, this.selector);
      return await readState(checkpoint, this.#weights, { settings, rounds: this.rounds, prepared: this.#prepared });
    } finally {
      if (checkpoint !== this.#checkpoint) checkpoint.release();
    }
  }

  /** Goes on from a saved state. @throws UsageError when it is of another model or of other options; nothing is changed then. */
  resume(state: PrunerState): void {
    checkState(state, settingsOf(this.#options, this.space, this.selector), this);
    if (state.weights) rewind(this.model, state.weights);
    this.#weights.keepOnly([DENSE]);
    this.#weights.add(state.kept);
    this.selector.restore(state.keep);
    this.scorer.scores.write(state.scores);
    this.scorer.restoreTraining(state.training);
    this.#history.splice(0, Number.POSITIVE_INFINITY, ...state.rounds);
    this.#snapshots.length = 0;
    this.#prepared = state.prepared;
    clearMasks(this.model);
    if (this.round > 0) applySelection(this.#parts);
  }

  /** Back to where the run stood after `round` rounds: its masks and its place in the schedule. Weights stay. @throws UsageError without its snapshot. */
  goBack(round: number): void {
    if (round === 0) {
      clearMasks(this.model);
      this.selector.reset();
    } else {
      const snapshot = this.#snapshots[round - 1];
      if (!snapshot) {
        throw new UsageError(
          `goBack: expected a round with a snapshot, 0 to ${this.#snapshots.length}, got ${round}; set the option snapshots`,
        );
      }
      this.selector.restore(snapshot.keep);
      applySelection(this.#parts);
    }
    this.#history.length = round;
    this.#snapshots.length = Math.min(this.#snapshots.length, round);
  }

  /** The dense net again: no masks, the weights as they were, no rounds done. */
  reset(): void {
    clearMasks(this.model);
    if (this.#options.savesWeights) this.#weights.rewind(DENSE);
    this.#weights.keepOnly([DENSE]);
    this.scorer.reset();
    this.selector.reset();
    this.#history.length = 0;
    this.#snapshots.length = 0;
    this.#prepared = false;
  }

  /** Adds what the gradients of one step of the host's own training add to sources such as `movement`. */
  observe(gradients: GradientSource): void {
    this.scorer.observe(gradients);
  }

  get #parts(): RoundParts {
    const { model, space, scorer, selector } = this;
    const emit: RoundParts["emit"] = (name, event) => this.#emit(name, event);
    return { model, space, scorer, selector, weights: this.#weights, options: this.#options, emit };
  }

  get #inRound(): { round: number; rounds: number } {
    return { round: this.round, rounds: this.#options.rounds };
  }

  #emit<Name extends keyof PrunerEvents>(name: Name, event: PrunerEvents[Name]): Promise<void> {
    return this.#events.emit(name, event);
  }

  /** Gives the memory of scores, statistics and kept weights back. Masks and weights stay as they are. */
  release(): void {
    this.scorer.release();
    this.selector.release();
    this.#weights.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Rounds keep what earlier rounds removed; masks from elsewhere would be overwritten without a word. */
function refuseMasks(model: Model): void {
  for (const { name, mask } of model.parameters) {
    if (mask)
      throw new UsageError(`prune: expected a model without masks, got one over ${name}; call clearMasks first`);
  }
}

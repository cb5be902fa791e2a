/**
 * The engine: score, select, apply, compensate, finetune, round by round, over a model that it does not change in kind. It emits events, can be
 * driven step by step, stopped and resumed, and composes with any training loop.
 */
import { UsageError } from "../errors.js";
import type { Model } from "../nn/index.js";
import type { TrainHooks } from "../train/index.js";
import { compensateModel, dropRemoved } from "./compensate-model.js";
import { Emitter, type Handler, type PruneRound, type PrunerEvents } from "./events.js";
import { type FinetuneContext, type GradientSource, trainObserved } from "./finetune.js";
import { applyUnits, clearMasks, type HostMask, readMasks } from "./masks/masks.js";
import { type PruneOptions, type ResolvedOptions, resolveOptions } from "./prune-options.js";
import { checkState, type PrunerState, readState } from "./pruner-state.js";
import { amountAfter } from "./schedule.js";
import { Scorer } from "./scorer.js";
import { Selector } from "./select.js";
import { type UnitSpace, unitSpace } from "./units.js";
import { captureWeights, rewind, type WeightSnapshot } from "./weights.js";

/** Prunes one model. `release` gives its memory back; the model keeps its masks. */
export class Pruner implements Disposable {
  readonly space: UnitSpace;
  readonly scorer: Scorer;
  readonly selector: Selector;
  readonly #events = new Emitter<PrunerEvents>();
  readonly #options: ResolvedOptions;
  readonly #history: PruneRound[] = [];
  readonly #snapshots: ReadonlyMap<string, HostMask>[] = [];
  /** The weights as they were, where finetuning or compensation changes them. */
  readonly #dense: WeightSnapshot | undefined;
  #prepared = false;

  /** @throws UsageError for options out of range, missing calibration data, or a model that has masks already. */
  constructor(
    readonly model: Model,
    options: PruneOptions,
  ) {
    this.#options = resolveOptions(options);
    const { saliency, granularity, protection, finetune, prepare } = this.#options;
    refuseMasks(model);
    this.space = unitSpace(model, granularity, protection, this.#options.scope);
    this.selector = new Selector(model.gpu, this.space, this.#options.selection);
    try {
      this.scorer = this.#openScorer();
    } catch (error) {
      this.selector.release();
      throw error;
    }
    for (const [name, handler] of Object.entries(this.#options.on)) {
      this.on(name as keyof PrunerEvents, handler as Handler<PrunerEvents[keyof PrunerEvents]>);
    }
    this.#dense = saliency.compensate || finetune || prepare ? captureWeights(model) : undefined;
  }

  #openScorer(): Scorer {
    const { saliency, statistics, rounds } = this.#options;
    if (statistics && rounds > 1) {
      throw new UsageError(`statistics: expected one round with statistics that are given, got ${rounds}; score anew`);
    }
    const scorer = new Scorer(this.model, this.space, saliency, {
      ...this.#options,
      onBatch: (batch, batches) => this.#emit("batchScored", { ...this.#inRound, batch, batches }),
    });
    try {
      if (statistics) scorer.statistics.merge(statistics);
      else scorer.requireData();
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
    return this.#history;
  }

  get done(): boolean {
    return this.round >= this.#options.rounds;
  }

  /** Masks after each round of this run, where the option `snapshots` asked for them. */
  get snapshots(): readonly ReadonlyMap<string, HostMask>[] {
    return this.#snapshots;
  }

  /** Calls `handler` at each such event, and waits for it. Returns what takes it away again. */
  on<Name extends keyof PrunerEvents>(name: Name, handler: Handler<PrunerEvents[Name]>): () => void {
    return this.#events.on(name, handler);
  }

  /** All rounds that are left. @throws what a round throws, after `failed`; the signal's reason when aborted: what was done stays and can be resumed. */
  async run(): Promise<readonly PruneRound[]> {
    try {
      await this.#emit("started", { rounds: this.#options.rounds, units: this.space.count, done: this.round });
      await this.#prepare();
      while (!this.done) await this.step();
      await this.#emit("completed", { rounds: this.#history });
      return this.#history;
    } catch (error) {
      await this.#emit("failed", { error });
      throw error;
    }
  }

  /** One round. @throws UsageError when all rounds are done. */
  async step(): Promise<PruneRound> {
    const { rounds, amount, schedule, reference, signal, saliency, snapshots } = this.#options;
    if (this.done) throw new UsageError(`prune: expected fewer than ${rounds} rounds done, got all; make a new Pruner`);
    await this.#prepare();
    signal?.throwIfAborted();
    const { round } = this;
    const now = amountAfter(amount, schedule, round, rounds);
    const density = "sparsity" in now ? 1 - now.sparsity : Number.NaN;
    await this.#emit("roundStarted", { ...this.#inRound, density });
    // One draw for all rounds keeps the last scores in agreement with the masks; reference draws anew, as the authors do.
    const draw = reference ? round : 0;
    if (this.#options.statistics) this.scorer.evaluate(draw);
    else await this.scorer.score(draw);
    await this.#emit("scored", { ...this.#inRound, scores: this.scorer.scores });
    signal?.throwIfAborted();
    await this.selector.select(this.scorer.scores, now);
    const selections = await this.selector.read();
    const kept = this.space.count - selections.reduce((sum, { pruned }) => sum + pruned, 0);
    await this.#emit("selected", { ...this.#inRound, selections, kept });
    signal?.throwIfAborted();
    if (saliency.compensate) dropRemoved(this.model);
    this.#apply();
    if (saliency.compensate)
      compensateModel(this.model, saliency.compensate, (name, layer) => this.scorer.source(name, layer));
    await this.#emit("masked", { ...this.#inRound, kept });
    await this.#finetune(this.#options.finetune, round);
    const result: PruneRound = { round, density, kept, selections };
    const { rounds: total } = this.#inRound;
    this.#history.push(result);
    if (snapshots) this.#snapshots.push(await readMasks(this.model));
    await this.#emit("roundCompleted", { rounds: total, ...result });
    return result;
  }

  /** Everything that a later run needs to go on after the last completed round and end with the same bytes. */
  state(): Promise<PrunerState> {
    return readState(this.model, this.#options, this.selector, this.scorer, this.#history, this.#dense !== undefined);
  }

  /** Goes on from a saved state. @throws UsageError when it is of another model or of other options; nothing is changed then. */
  resume(state: PrunerState): void {
    checkState(state, this.#options, this.space);
    if (state.weights) rewind(this.model, state.weights);
    this.selector.restore(state.keep);
    this.scorer.scores.write(state.scores);
    this.scorer.restoreTraining(state.training);
    this.#history.splice(0, Number.POSITIVE_INFINITY, ...state.rounds);
    this.#prepared = this.round > 0;
    if (this.round > 0) this.#apply();
  }

  /** The dense net again: no masks, the weights as they were, no rounds done. */
  reset(): void {
    clearMasks(this.model);
    this.#dense?.restore();
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

  get #inRound(): { round: number; rounds: number } {
    return { round: this.round, rounds: this.#options.rounds };
  }

  #emit<Name extends keyof PrunerEvents>(name: Name, event: PrunerEvents[Name]): Promise<void> {
    return this.#events.emit(name, event);
  }

  #apply(): void {
    if (applyUnits(this.model, this.space, this.selector.keep)) this.scorer.invalidate();
  }

  async #prepare(): Promise<void> {
    if (this.#prepared) return;
    await this.#finetune(this.#options.prepare, -1);
    this.#prepared = true;
  }

  async #finetune(finetune: PruneOptions["finetune"], round: number): Promise<void> {
    if (!finetune) return;
    const { signal } = this.#options;
    const { model } = this;
    const inRound = this.#inRound;
    const observe = (gradients: GradientSource) => this.observe(gradients);
    const hooks: TrainHooks = {
      signal,
      onStep: (report) => this.#emit("step", { ...inRound, ...report }),
      onEpoch: (report) => this.#emit("epoch", { ...inRound, ...report }),
    };
    const train: FinetuneContext["train"] = (data, options) => trainObserved(model, data, options, observe, hooks);
    await finetune({ model, round, signal, train, observe });
    if (round >= 0) await this.#emit("finetuned", this.#inRound);
  }

  /** Gives the memory of scores and statistics back. Masks and weights stay as they are. */
  release(): void {
    this.scorer.release();
    this.selector.release();
    this.#dense?.release();
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

/**
 * Fills statistics: each batch one recorded step, replayed. What can be had from the same forward and backward passes is collected in one pass over
 * the data; examples taken one by one, and products with the Hessian, need passes of their own.
 */
import { UsageError } from "../../errors.js";
import { type Model, ModelRecording } from "../../nn/index.js";
import { Tensor } from "../../tensor/index.js";
import type { Objective } from "../saliency/objective.js";
import type { UnitSpace } from "../units.js";
import { type Calibration, type CalibrationBatch, loadBatch } from "./calibration.js";
import { PASSES } from "./passes.js";
import { placesOf } from "./places.js";
import { checkObjective, readsData, type Stage, type StageSetting, type StepKind, startStages } from "./stages.js";
import { companionsOf, type Statistic, statisticKey } from "./statistic.js";
import { Statistics } from "./statistics.js";
import type { StepContext } from "./step-context.js";

/** Data and how it is batched. */
export interface CollectorOptions {
  readonly calibration?: Calibration;
  readonly batchSize: number;
  readonly seed: number;
  /** Which part of the data this is: another number for each shard, so that no two draw the same random signs. Default 0. */
  readonly shard?: number;
  readonly signal?: AbortSignal;
  /** After each batch: how many are done, and of how many where that is known. */
  readonly onBatch?: (done: number, total: number | undefined) => void | Promise<void>;
}

interface Step {
  readonly context: StepContext;
  readonly recording: ModelRecording<void>;
}

const distinct = (statistics: readonly Statistic[]): Statistic[] => [
  ...new Map(statistics.map((statistic) => [statisticKey(statistic), statistic])).values(),
];

/** Collects what a saliency needs of a model. */
export class Collector {
  readonly statistics: Statistics;
  readonly #steps = new Map<string, Step>();
  readonly #draws: Tensor;
  readonly #stages: StageSetting;
  readonly needed: readonly Statistic[];

  /** @throws UsageError when units have no place for what is needed. */
  constructor(
    private readonly model: Model,
    private readonly space: UnitSpace,
    needed: readonly Statistic[],
    private readonly objective: Objective,
    private readonly options: CollectorOptions,
  ) {
    objective.check?.(model);
    this.needed = distinct([...needed, ...needed.flatMap(companionsOf)]);
    checkObjective(this.needed, objective);
    const places = this.needed.map((statistic) => placesOf(statistic, model, space));
    const { gpu } = model;
    this.statistics = new Statistics(gpu);
    this.needed.forEach((statistic, index) => {
      for (const { name, length } of places[index]) this.statistics.open(statistic, name, length);
    });
    this.#draws = Tensor.zeros(gpu, [2], "u32");
    this.#stages = {
      model,
      objective,
      passes: PASSES.filter((pass) => this.needed.some(pass.collects)),
      scored: new Set(space.groups.flatMap(({ members }) => members.map(({ parameter }) => parameter))),
      accumulated: objective.accumulate && Tensor.zeros(gpu, objective.accumulate.shape(model)),
      calibration: options.calibration,
      batchSize: options.batchSize,
    };
  }

  /** @throws UsageError when data are needed and there are none. */
  requireData(): void {
    if (this.options.calibration || !readsData(this.#stages)) return;
    throw new UsageError("calibration: expected data for this saliency, got none; pass a dataset or batches");
  }

  /** Sums anew over all of the calibration data, for the model as it is now. What training has summed stays. What is drawn depends on the round. */
  async collect(round = 0): Promise<void> {
    this.requireData();
    this.statistics.clear(({ kind }) => kind === "training");
    const stages = startStages(this.#stages);
    const total = stages.reduce<number | undefined>((sum, { count }) => sumKnown(sum, count), 0);
    const progress: Progress = { first: round * BATCHES_OF_A_ROUND, done: 0, total };
    for (const stage of stages) await this.#run(stage, progress);
  }

  /** Runs a step over its batches, one on the device at a time. Nobody waits for the last: who reads the sums does. */
  async #run({ kind, read, counts }: Stage, progress: Progress): Promise<void> {
    const { signal, onBatch } = this.options;
    let first = true;
    for await (const batch of read()) {
      if (!first) await this.model.gpu.sync();
      signal?.throwIfAborted();
      const step = this.#step(kind, batch);
      loadBatch(batch, step.context);
      this.#draws.write(Uint32Array.of(this.#seed, progress.first + progress.done));
      if (first) kind.begin?.(step.context);
      first = false;
      step.recording.replay();
      this.model.gpu.flush();
      if (counts) this.statistics.examples += batch.labels.length;
      progress.done++;
      await onBatch?.(progress.done, progress.total);
    }
  }

  /** The seed of this shard's draws: far from those of other shards and of neighbouring seeds. */
  get #seed(): number {
    const { seed, shard = 0 } = this.options;
    return (seed + Math.imul(shard, 0x9e3779b9)) >>> 0;
  }

  #step(kind: StepKind, { labels: { length: size } }: CalibrationBatch): Step {
    const key = `${kind.name} ${size}`;
    const known = this.#steps.get(key);
    if (known) return known;
    const { gpu, sampleShape } = this.model;
    const images = Tensor.zeros(gpu, [size, ...sampleShape]);
    const labels = Tensor.zeros(gpu, [size], "u32");
    const context: StepContext = {
      model: this.model,
      space: this.space,
      objective: this.objective,
      statistics: this.statistics,
      needed: this.needed.filter(kind.collects),
      images,
      labels,
      draws: this.#draws,
      accumulated: this.#stages.accumulated,
    };
    const step = { context, recording: new ModelRecording(this.model, () => kind.run(context)) };
    this.#steps.set(key, step);
    return step;
  }

  /** Gives the memory of recorded steps back. They are recorded again when they are needed, as they are when masks or gates came or went. */
  invalidate(): void {
    const { gpu } = this.model;
    for (const { context, recording } of this.#steps.values()) {
      recording.release();
      gpu.release(context.images);
      gpu.release(context.labels);
    }
    this.#steps.clear();
  }

  release(): void {
    this.invalidate();
    this.statistics.release();
    this.model.gpu.release(this.#draws);
    const { accumulated } = this.#stages;
    if (accumulated) this.model.gpu.release(accumulated);
  }
}

/** More than a round has, so that each round draws its own. */
const BATCHES_OF_A_ROUND = 2 ** 20;

/** Batches done, and how many there are where that is known. */
interface Progress {
  /** Step of the draws of the first batch. */
  readonly first: number;
  done: number;
  readonly total: number | undefined;
}

const sumKnown = (sum: number | undefined, count: number | undefined): number | undefined =>
  sum === undefined || count === undefined ? undefined : sum + count;

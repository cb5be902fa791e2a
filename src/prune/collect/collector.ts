/**
 * Fills statistics: each batch one recorded step, replayed. What can be had from the same forward and backward passes is collected in one pass over
 * the data; examples taken one by one, and products with the Hessian, need passes of their own.
 */
import { UsageError } from "../../errors.js";
import { type Model, ModelRecording } from "../../nn/index.js";
import { Tensor } from "../../tensor/index.js";
import type { Objective } from "../saliency/objective.js";
import type { UnitSpace } from "../units.js";
import { batchCount, type Calibration, type CalibrationBatch, loadBatch, readCalibration } from "./calibration.js";
import { PASSES, type PassKind } from "./passes.js";
import { placesOf } from "./places.js";
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
  readonly #passes: readonly PassKind[];
  readonly needed: readonly Statistic[];

  /** @throws UsageError when units have no place for what is needed. */
  constructor(
    private readonly model: Model,
    private readonly space: UnitSpace,
    needed: readonly Statistic[],
    private readonly objective: Objective,
    private readonly options: CollectorOptions,
  ) {
    this.needed = distinct([...needed, ...needed.flatMap(companionsOf)]);
    this.#passes = PASSES.filter((pass) => this.needed.some(pass.collects));
    const places = this.needed.map((statistic) => placesOf(statistic, model, space));
    const { gpu } = model;
    this.statistics = new Statistics(gpu);
    this.needed.forEach((statistic, index) => {
      for (const { name, length } of places[index]) this.statistics.open(statistic, name, length);
    });
    this.#draws = Tensor.zeros(gpu, [2], "u32");
  }

  /** @throws UsageError when data are needed and there are none. */
  requireData(): void {
    if (this.#passes.length === 0 || this.options.calibration || this.objective.input === "ones") return;
    throw new UsageError("calibration: expected data for this saliency, got none; pass a dataset or batches");
  }

  /** Sums anew over all of the calibration data, for the model as it is now. What training has summed stays. */
  async collect(): Promise<void> {
    this.requireData();
    this.statistics.clear(({ kind }) => kind === "training");
    const { batchSize, signal, onBatch } = this.options;
    const totals = this.#passes.map(({ each }) => this.#batchCount(each === "example" ? 1 : batchSize));
    const total = totals.reduce(
      (sum, count) => (sum === undefined || count === undefined ? undefined : sum + count),
      0,
    );
    let done = 0;
    for (const [index, pass] of this.#passes.entries()) {
      let first = true;
      const read = this.#read(pass.each === "example" ? 1 : batchSize);
      for await (const batch of read) {
        signal?.throwIfAborted();
        const step = this.#step(pass, batch);
        loadBatch(batch, step.context);
        this.#draws.write(Uint32Array.of(this.#seed, done));
        if (first) pass.begin?.(step.context);
        first = false;
        step.recording.replay();
        await this.model.gpu.sync();
        if (index === 0) this.statistics.examples += batch.labels.length;
        done++;
        await onBatch?.(done, total);
      }
    }
  }

  /** The seed of this shard's draws: far from those of other shards and of neighbouring seeds. */
  get #seed(): number {
    const { seed, shard = 0 } = this.options;
    return (seed + Math.imul(shard, 0x9e3779b9)) >>> 0;
  }

  #batchCount(size: number): number | undefined {
    return this.objective.input === "ones" ? 1 : batchCount(this.options.calibration!, size);
  }

  async *#read(size: number): AsyncGenerator<CalibrationBatch> {
    if (this.objective.input !== "ones") yield* readCalibration(this.options.calibration!, size);
    else yield { images: this.#ones(), labels: [0] };
  }

  #ones(): Float32Array {
    return new Float32Array(this.model.sampleShape.reduce((product, extent) => product * extent, 1)).fill(1);
  }

  #step(pass: PassKind, { labels: { length: size } }: CalibrationBatch): Step {
    const key = `${pass.name} ${size}`;
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
      needed: this.needed.filter(pass.collects),
      images,
      labels,
      draws: this.#draws,
    };
    const step = { context, recording: new ModelRecording(this.model, () => pass.run(context)) };
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
  }
}

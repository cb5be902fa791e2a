/** Scores of all units: sums over the calibration batches, each batch one recorded step, then one pass from sums to scores. */
import { UsageError } from "../errors.js";
import type { Gpu, Recording } from "../gpu/index.js";
import type { Dataset } from "../io/dataset.js";
import { randomUniform } from "../kernels/random.js";
import { accumulateSaliency, finalizeScores } from "../kernels/saliency.js";
import type { Model } from "../nn/model.js";
import type { UnitMember } from "../nn/sites.js";
import { backward, crossEntropy, type Gradients, mean, Tensor } from "../tensor/index.js";
import { readBatch } from "../train/batches.js";
import type { Criterion } from "./criteria.js";
import type { UnitSpace } from "./units.js";

/** Calibration data and how it is batched. */
export interface ScorerOptions {
  readonly calibration?: Dataset;
  readonly batchSize: number;
  readonly seed: number;
  /** Also score weights that are masked, by the gradient that they would have. */
  readonly scoreMasked?: boolean;
  readonly signal?: AbortSignal;
  readonly onBatch?: (done: number, total: number) => void;
}

/** The forward-backward-accumulate step for batches of one size, and the tensors that it reads. */
interface Step {
  readonly images: Tensor;
  readonly labels: Tensor;
  readonly recording: Recording<void>;
}

/** Tells the draws of random scores from those of other uses. */
const RANDOM_STREAM = 0x5c0e;

/** Scores the units of a model on its device. */
export class Scorer {
  /** One score a unit, f32. */
  readonly scores: Tensor;
  /** Sums over batches, by parameter; empty for criteria that need no data. */
  readonly #sums = new Map<string, Tensor>();
  readonly #steps = new Map<number, Step>();
  readonly #draws: Tensor;

  /** @throws UsageError when the criterion needs data and there is none. */
  constructor(
    private readonly gpu: Gpu,
    private readonly model: Model,
    private readonly space: UnitSpace,
    private readonly criterion: Criterion,
    private readonly options: ScorerOptions,
  ) {
    if (criterion.statistic && !options.calibration) {
      throw new UsageError(`${criterion.name}: expected calibration data, got none; pass a dataset`);
    }
    this.scores = Tensor.empty(gpu, [space.count]);
    this.#draws = Tensor.zeros(gpu, [2], "u32");
    if (!criterion.statistic) return;
    for (const { parameter } of this.#members()) {
      this.#sums.set(parameter, Tensor.empty(gpu, [model.parameters.get(parameter).size]));
    }
  }

  #members(): UnitMember[] {
    return this.space.groups.flatMap(({ members }) => members);
  }

  /** Writes `scores` for the model as it is now. `draw` changes random scores and nothing else. */
  async score(draw: number): Promise<void> {
    if (this.criterion.score === "random") {
      this.#draws.write(Uint32Array.of(this.options.seed, draw));
      const { count } = this.space;
      randomUniform(this.gpu, { y: this.scores, state: this.#draws }, { length: count, stream: RANDOM_STREAM });
      return;
    }
    if (this.criterion.statistic) await this.#accumulate(this.options.calibration!);
    this.#finish(this.criterion.score);
  }

  async #accumulate(calibration: Dataset): Promise<void> {
    const { batchSize, signal, onBatch } = this.options;
    for (const sum of this.#sums.values()) this.gpu.clear(sum.buffer);
    const batches = Math.ceil(calibration.length / batchSize);
    const indicesOf = (batch: number) => {
      const start = batch * batchSize;
      const size = Math.min(batchSize, calibration.length - start);
      return Int32Array.from({ length: size }, (_, row) => start + row);
    };
    let next = readBatch(calibration, indicesOf(0), indicesOf(0).length);
    for (let batch = 0; batch < batches; batch++) {
      const { images, labels, count } = await next;
      signal?.throwIfAborted();
      const step = this.#step(count);
      step.images.write(images);
      step.labels.write(labels);
      step.recording.replay();
      this.gpu.flush();
      if (batch + 1 < batches) {
        const indices = indicesOf(batch + 1);
        next = readBatch(calibration, indices, indices.length);
        next.catch(() => {}); // reported when it is awaited
      }
      await this.gpu.sync();
      onBatch?.(batch + 1, batches);
    }
  }

  #step(size: number): Step {
    const known = this.#steps.get(size);
    if (known) return known;
    const { sampleShape } = this.options.calibration!;
    const images = Tensor.zeros(this.gpu, [size, ...sampleShape]);
    const labels = Tensor.zeros(this.gpu, [size], "u32");
    const recording = this.gpu.record(() => {
      const gradients = this.#gradients(images, labels);
      for (const { parameter: name } of this.#members()) {
        const { value, size: length } = this.model.parameters.get(name);
        const buffers = { gradient: gradients.get(value)!, weight: value, score: this.#sums.get(name)! };
        accumulateSaliency(this.gpu, this.criterion.statistic!, buffers, { length, inner: 1, period: length });
      }
    });
    const step = { images, labels, recording };
    this.#steps.set(size, step);
    return step;
  }

  #gradients(images: Tensor, labels: Tensor): Gradients {
    const { logits } = this.model.forward(images, { denseGradients: this.options.scoreMasked });
    return backward(mean(crossEntropy({ logits, labels }, { smoothing: 0 })));
  }

  #finish(kind: Exclude<Criterion["score"], "random">): void {
    this.gpu.clear(this.scores.buffer);
    for (const { offset, members } of this.space.groups) {
      for (const { parameter: name, inner, period } of members) {
        const { value: weight, size: length } = this.model.parameters.get(name);
        const accumulated = this.#sums.get(name);
        finalizeScores(this.gpu, kind, { accumulated, weight, score: this.scores }, { length, inner, period, offset });
      }
    }
  }

  /** Forgets recorded steps: needed when parameters got their first mask. */
  invalidate(): void {
    for (const { images, labels, recording } of this.#steps.values()) {
      recording[Symbol.dispose]();
      this.gpu.release(images);
      this.gpu.release(labels);
    }
    this.#steps.clear();
  }

  release(): void {
    this.invalidate();
    for (const tensor of [this.scores, this.#draws, ...this.#sums.values()]) this.gpu.release(tensor);
  }
}

/** The training loop: one recorded step, replayed; hooks around it. Knows no pruning: a masked parameter stays masked because its mask is part of the model. */
import { GpuError, UsageError } from "../errors.js";
import type { Dataset } from "../io/dataset.js";
import type { FloatTensor } from "../io/safetensors.js";
import type { Model, ModelOutput } from "../nn/model.js";
import { ModelRecording } from "../nn/model-recording.js";
import { TrainingPass } from "../nn/training.js";
import { backward, crossEntropy, type Gradients, map, mean, Tensor } from "../tensor/index.js";
import { type Augmentation, NO_AUGMENTATION } from "./augment.js";
import { stepsPerEpoch, TrainingBatches } from "./batches.js";
import { ADAMW_DEFAULTS, AdamW, type AdamWOptions } from "./optimizer.js";
import { type CosineSchedule, checkSchedule, cosineRate } from "./schedule.js";

/** Length, batch, rates and regularisation of a training run. */
export interface TrainOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Rate at the end of the cosine; default a hundredth of `learningRate`. */
  readonly finalLearningRate?: number;
  /** Part of all steps, in [0, 1]. */
  readonly warmup?: number;
  readonly labelSmoothing?: number;
  readonly seed?: number;
  readonly augmentation?: Augmentation;
  readonly optimizer?: Partial<AdamWOptions>;
  /** Step of the schedule and of the data to begin at, with a new optimizer, as after rewinding to the weights of that step. Default 0. */
  readonly firstStep?: number;
  /** Sees the gradients of a step before the weights change. Called while the step is recorded: what it dispatches runs in every step. */
  readonly onGradients?: (gradients: Gradients) => void;
}

/** What is known after a step. */
export interface StepReport {
  /** Steps done. */
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  /** Mean loss of the step's batch, with label smoothing. */
  readonly loss: number;
  readonly learningRate: number;
}

/** What a host may do between steps. */
export interface TrainHooks {
  readonly onStep?: (report: StepReport) => void | Promise<void>;
  /** After the last step of each epoch; the trainer's state may be saved here. */
  readonly onEpoch?: (report: StepReport) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

const diverged = (what: string, step: number) =>
  new GpuError(`training: expected finite numbers, got ${what} at step ${step}; lower the learning rate`);

/** Everything that a run needs to go on exactly where it stood, besides the weights. */
export interface TrainerState {
  readonly step: number;
  readonly moments: ReadonlyMap<string, FloatTensor>;
}

const DEFAULTS = { warmup: 0.05, labelSmoothing: 0, seed: 0, augmentation: NO_AUGMENTATION, firstStep: 0 };

/** Steps of a whole training. @throws UsageError for a dataset smaller than a batch. */
export function trainingSteps(dataset: Dataset, { epochs, batchSize }: TrainOptions): number {
  const perEpoch = stepsPerEpoch(dataset, batchSize);
  if (perEpoch >= 1) return Math.max(1, Math.round(epochs * perEpoch));
  throw new UsageError(
    `batch: expected at most the ${dataset.length} examples of ${dataset.source}, got ${batchSize}; use less`,
  );
}

/** Trains all parameters of a model with AdamW. The step is recorded once and replayed, and again when masks or gates came or went; its batches depend on seed and step only. */
export class Trainer implements Disposable {
  readonly optimizer: AdamW;
  readonly schedule: CosineSchedule;
  step: number;
  readonly #options: Required<Omit<TrainOptions, "optimizer" | "finalLearningRate" | "onGradients">> &
    Pick<TrainOptions, "onGradients">;
  readonly #batches: TrainingBatches;
  readonly #images: Tensor;
  readonly #labels: Tensor;
  /** u32 [seed, step] of the draws of dropout. */
  readonly #draws: Tensor;
  readonly #recording: ModelRecording<Tensor>;

  /** @throws UsageError for options out of range or a dataset smaller than a batch. */
  constructor(
    private readonly model: Model,
    private readonly dataset: Dataset,
    options: TrainOptions,
  ) {
    this.#options = { ...DEFAULTS, ...options };
    const { batchSize, learningRate, warmup, seed, augmentation, firstStep } = this.#options;
    const { gpu } = model;
    const totalSteps = trainingSteps(dataset, options);
    if (!Number.isInteger(firstStep) || firstStep < 0 || firstStep >= totalSteps) {
      throw new UsageError(`firstStep: expected one of the ${totalSteps} steps from 0, got ${firstStep}; correct it`);
    }
    this.step = firstStep;
    const final = options.finalLearningRate ?? learningRate / 100;
    this.schedule = { peak: learningRate, final, warmupSteps: Math.round(warmup * totalSteps), totalSteps };
    checkSchedule(this.schedule);
    this.#batches = new TrainingBatches(dataset, { seed, batchSize, augmentation });
    this.optimizer = new AdamW(gpu, model.parameters, { ...ADAMW_DEFAULTS, ...options.optimizer });
    this.#images = Tensor.zeros(gpu, [batchSize, ...dataset.sampleShape]);
    this.#labels = Tensor.zeros(gpu, [batchSize], "u32");
    this.#draws = Tensor.zeros(gpu, [2], "u32");
    this.#recording = new ModelRecording(model, () => this.#update());
  }

  get stepsPerEpoch(): number {
    return stepsPerEpoch(this.dataset, this.#options.batchSize);
  }

  /** Mean loss over the batch, and over both heads of a distilled model, which learn the same labels. */
  #loss({ logits, distillation }: ModelOutput): Tensor {
    const smoothing = this.#options.labelSmoothing;
    const of = (scores: Tensor) => mean(crossEntropy({ logits: scores, labels: this.#labels }, { smoothing }));
    if (!distillation) return of(logits);
    return map("0.5 * (a + b)", { a: of(logits), b: of(distillation) }, { a: "0.5", b: "0.5" });
  }

  /** Forward, backward and update. Returns the loss. */
  #update(): Tensor {
    const loss = this.#loss(this.model.forward(this.#images, { training: new TrainingPass(this.#draws) }));
    const gradients = backward(loss);
    this.#options.onGradients?.(gradients);
    this.optimizer.update(gradients);
    return loss;
  }

  /** Runs up to `until` steps (default: all). @throws GpuError when the loss is not finite; the signal's reason when aborted. */
  async run(hooks: TrainHooks = {}, until = this.schedule.totalSteps): Promise<void> {
    let batch = this.step < until ? await this.#batches.at(this.step) : undefined;
    while (this.step < until && batch) {
      hooks.signal?.throwIfAborted();
      const { step } = this;
      const learningRate = cosineRate(this.schedule, step);
      this.#images.write(batch.images);
      this.#labels.write(batch.labels);
      this.#draws.write(Uint32Array.of(this.#options.seed, step));
      this.optimizer.prepare(step - this.#options.firstStep, learningRate);
      const result = this.#recording.replay();
      this.model.gpu.flush();
      // The next batch is read while the device works on this one.
      batch = step + 1 < until ? await this.#batches.at(step + 1) : undefined;
      const [loss] = await result.read();
      if (!Number.isFinite(loss)) throw diverged(`a loss of ${loss}`, step);
      this.step = step + 1;
      const epoch = Math.ceil(this.step / this.stepsPerEpoch);
      const report = { step: this.step, totalSteps: this.schedule.totalSteps, epoch, loss, learningRate };
      await hooks.onStep?.(report);
      if (this.step % this.stepsPerEpoch === 0 || this.step === until) {
        // The loss was that of the weights before the step.
        if (!(await this.optimizer.weightsAreFinite())) throw diverged("weights that are not", step);
        await hooks.onEpoch?.(report);
      }
    }
  }

  async read(): Promise<TrainerState> {
    return { step: this.step, moments: await this.optimizer.read() };
  }

  restore({ step, moments }: TrainerState): void {
    this.step = step;
    this.optimizer.write(moments);
  }

  /** Gives the memory of moments and of the recorded step back; `using` does so by itself. */
  release(): void {
    this.#recording.release();
    this.optimizer.release();
    for (const tensor of [this.#images, this.#labels, this.#draws]) this.model.gpu.release(tensor);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** The training loop: one recorded step, replayed; hooks around it. Knows no pruning: a masked parameter stays masked because its mask is part of the model. */
import { GpuError, UsageError } from "../errors.js";
import type { Dataset } from "../io/dataset.js";
import type { Model } from "../nn/model.js";
import { ModelRecording } from "../nn/model-recording.js";
import { TrainingPass } from "../nn/training.js";
import { backward, Tensor } from "../tensor/index.js";
import { stepsPerEpoch, TrainingBatches } from "./batches.js";
import { ADAMW_DEFAULTS, AdamW } from "./optimizer.js";
import { type CosineSchedule, checkSchedule, cosineRate } from "./schedule.js";
import { TRAIN_DEFAULTS, type TrainHooks, type TrainOptions, trainingSteps } from "./train-options.js";
import { checkSaved, type TrainerState } from "./trainer-state.js";
import { TrainingStep } from "./training-step.js";
import { WeightAverage } from "./weight-average.js";

const diverged = (what: string, step: number) =>
  new GpuError(`training: expected finite numbers, got ${what} at step ${step}; lower the learning rate`);

/** Trains all parameters of a model with AdamW. The step is recorded once and replayed, and again when masks or gates came or went; its batches depend on seed and step only. */
export class Trainer implements Disposable {
  readonly optimizer: AdamW;
  readonly schedule: CosineSchedule;
  step: number;
  readonly #options: TrainOptions & typeof TRAIN_DEFAULTS;
  readonly #average: WeightAverage | undefined;
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
    this.#options = { ...TRAIN_DEFAULTS, ...options };
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
    if (options.averageDecay !== undefined) {
      this.#average = new WeightAverage(gpu, model.parameters, options.averageDecay);
    }
    this.#images = Tensor.zeros(gpu, [batchSize, ...dataset.sampleShape]);
    this.#labels = Tensor.zeros(gpu, [batchSize], "u32");
    this.#draws = Tensor.zeros(gpu, [2], "u32");
    this.#recording = new ModelRecording(model, () => this.#update());
  }

  get stepsPerEpoch(): number {
    return stepsPerEpoch(this.dataset, this.#options.batchSize);
  }

  /** Forward, backward and update. Returns the objective's value. */
  #update(): Tensor {
    const { forward, objective, onGradients, labelSmoothing } = this.#options;
    const output = this.model.forward(this.#images, { ...forward, training: new TrainingPass(this.#draws) });
    const step = new TrainingStep(this.#images, this.#labels, output, labelSmoothing);
    const loss = objective?.(step) ?? step.loss;
    const gradients = backward(loss);
    onGradients?.(gradients);
    this.optimizer.update(gradients);
    this.#average?.update();
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
      hooks.beforeStep?.(step);
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

  /** Runs `fn` while the model holds the averaged weights; where no average is kept, with the weights as they are. Nothing in it may train. */
  async averaged<T>(fn: () => Promise<T>): Promise<T> {
    this.#average?.swap();
    try {
      return await fn();
    } finally {
      this.#average?.swap();
    }
  }

  /** Ends a training with an average: the model's weights become the averaged ones for good. */
  takeAverage(): void {
    this.#average?.swap();
  }

  async read(): Promise<TrainerState> {
    return { step: this.step, moments: await this.optimizer.read(), average: await this.#average?.read() };
  }

  /** @throws UsageError for the state of another training: of other parameters, or with an average where none is kept, or without. */
  check({ moments, average }: TrainerState): void {
    checkSaved(moments, this.optimizer.moments);
    if ((average === undefined) !== (this.#average === undefined)) {
      const [wanted, got] = average ? ["no average", "one"] : ["an average", "none"];
      throw new UsageError(
        `resume: expected a state with ${wanted} of the weights, got ${got}; resume with the options it was saved with`,
      );
    }
    if (average && this.#average) checkSaved(average, this.#average.values);
  }

  /** Goes on from a state; the model's weights are restored by the host. @throws UsageError as `check` does; nothing is changed then. */
  restore(state: TrainerState): void {
    this.check(state);
    const { step, moments, average } = state;
    this.step = step;
    this.optimizer.write(moments);
    if (average) this.#average?.write(average);
  }

  /** Gives the memory of moments, average and recorded step back; `using` does so by itself. */
  release(): void {
    this.#recording.release();
    this.optimizer.release();
    this.#average?.release();
    for (const tensor of [this.#images, this.#labels, this.#draws]) this.model.gpu.release(tensor);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

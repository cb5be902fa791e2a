/** Values that train under AdamW beside the weights of a model, at a rate of their own. */
import type { Gpu } from "../../gpu/index.js";
import { adamw, optimizerSchedule } from "../../kernels/index.js";
import { Tensor } from "../../tensor/index.js";
import { ADAMW_DEFAULTS } from "../../train/index.js";

/** A vector with its moments and its schedule. */
export class LearnedValues implements Disposable {
  readonly values: Tensor;
  readonly #firstMoment: Tensor;
  readonly #secondMoment: Tensor;
  readonly #schedule: Tensor;

  /** @param decay - decoupled weight decay */
  constructor(
    private readonly gpu: Gpu,
    initial: Float32Array,
    private readonly decay = 0,
  ) {
    this.values = Tensor.from(gpu, initial);
    this.values.requiresGradient = true;
    this.#firstMoment = Tensor.zeros(gpu, this.values.shape);
    this.#secondMoment = Tensor.zeros(gpu, this.values.shape);
    this.#schedule = Tensor.from(gpu, optimizerSchedule(0, 1));
  }

  /** Sets the rate of a step, from 0, that is recorded or replayed next. A negative one ascends. */
  prepare(step: number, learningRate: number): void {
    const { beta1, beta2 } = ADAMW_DEFAULTS;
    this.#schedule.write(optimizerSchedule(learningRate, step + 1, beta1, beta2));
  }

  /** Records a step along a gradient of the values' length. */
  update(gradient: Tensor): void {
    const { beta1, beta2, epsilon } = ADAMW_DEFAULTS;
    const moments = { firstMoment: this.#firstMoment, secondMoment: this.#secondMoment };
    const buffers = { weight: this.values, gradient, schedule: this.#schedule, ...moments };
    adamw(this.gpu, buffers, { length: this.values.size, beta1, beta2, epsilon, decay: this.decay });
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const tensor of [this.values, this.#firstMoment, this.#secondMoment, this.#schedule]) this.gpu.release(tensor);
  }
}

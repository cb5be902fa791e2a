/** Values that train under AdamW beside the weights of a model, at a rate of their own. */
import type { Gpu } from "../../gpu/index.js";
import { adamw, optimizerSchedule } from "../../kernels/index.js";
import { Tensor } from "../../tensor/index.js";
import { ADAMW_DEFAULTS } from "../../train/index.js";

/** What AdamW reads of a step, its learning rate first: written before each replay of the recorded step. Vectors may share one. */
export class LearningRate implements Disposable {
  readonly schedule: Tensor;

  constructor(gpu: Gpu) {
    this.schedule = Tensor.from(gpu, optimizerSchedule(0, 1));
  }

  /** Sets the rate of a step, from 0, that is recorded or replayed next. A negative one ascends. */
  prepare(step: number, learningRate: number): void {
    const { beta1, beta2 } = ADAMW_DEFAULTS;
    this.schedule.write(optimizerSchedule(learningRate, step + 1, beta1, beta2));
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.schedule.gpu.release(this.schedule);
  }
}

/** A vector with its moments. */
export class LearnedValues implements Disposable {
  readonly values: Tensor;
  readonly rate: LearningRate;
  readonly #firstMoment: Tensor;
  readonly #secondMoment: Tensor;
  readonly #decay: number;
  readonly #sharesRate: boolean;

  /** @param options - decoupled weight decay, and a rate that others step at too and that outlives them; by default one of its own */
  constructor(gpu: Gpu, initial: Float32Array, { decay = 0, rate }: { decay?: number; rate?: LearningRate } = {}) {
    this.values = Tensor.from(gpu, initial);
    this.values.requiresGradient = true;
    this.rate = rate ?? new LearningRate(gpu);
    this.#sharesRate = rate !== undefined;
    this.#firstMoment = Tensor.zeros(gpu, this.values.shape);
    this.#secondMoment = Tensor.zeros(gpu, this.values.shape);
    this.#decay = decay;
  }

  /** Records a step along a gradient of the values' length. */
  update(gradient: Tensor): void {
    const { beta1, beta2, epsilon } = ADAMW_DEFAULTS;
    const moments = { firstMoment: this.#firstMoment, secondMoment: this.#secondMoment };
    const buffers = { weight: this.values, gradient, schedule: this.rate.schedule, ...moments };
    adamw(this.values.gpu, buffers, { length: this.values.size, beta1, beta2, epsilon, decay: this.#decay });
  }

  /** What steps change, by names that begin with this one. */
  tensors(name: string): [string, Tensor][] {
    return [
      [name, this.values],
      [`${name}.first`, this.#firstMoment],
      [`${name}.second`, this.#secondMoment],
    ];
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    const { gpu } = this.values;
    for (const tensor of [this.values, this.#firstMoment, this.#secondMoment]) gpu.release(tensor);
    if (!this.#sharesRate) this.rate[Symbol.dispose]();
  }
}

/** An exponential moving average of a model's weights, which often does better than the last weights. */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { FloatTensor } from "../io/safetensors.js";
import { map } from "../kernels/map.js";
import type { Parameters } from "../nn/parameter.js";
import { Tensor } from "../tensor/index.js";

/**
 * average += (1 - decay) * (weight - average) after every step, from the weights that it is made with; its memory goes back about 1 / (1 - decay)
 * steps. Running statistics of batch norms are averaged too. What masks remove does not move, so its average stays what it is.
 */
export class WeightAverage {
  /** By the parameters' names. */
  readonly values: ReadonlyMap<string, Tensor>;

  /** @throws UsageError for a decay outside of [0, 1). */
  constructor(
    private readonly gpu: Gpu,
    private readonly parameters: Parameters,
    readonly decay: number,
  ) {
    if (!(decay >= 0 && decay < 1)) {
      throw new UsageError(`average of weights: expected a decay from 0 to below 1, got ${decay}; correct it`);
    }
    const copyOf = (value: Tensor) => {
      const average = Tensor.empty(gpu, value.shape);
      gpu.copy(value.buffer, average.buffer, 4 * value.size);
      return average;
    };
    this.values = new Map(Array.from(parameters, ({ name, value }) => [name, copyOf(value)]));
  }

  /** Records one step of the average. */
  update(): void {
    for (const [average, value] of this.#pairs()) {
      const inputs = { weight: { buffer: value }, rate: 1 - this.decay };
      const target = { y: average, length: value.size, inPlace: "average" };
      map(this.gpu, "average + rate * (weight - average)", inputs, target);
    }
  }

  /** Exchanges the model's weights and the averages, bit by bit. */
  swap(): void {
    using _temporaries = this.gpu.scope();
    for (const [average, value] of this.#pairs()) {
      const bytes = 4 * value.size;
      const kept = this.gpu.allocate(bytes);
      this.gpu.copy(value.buffer, kept, bytes);
      this.gpu.copy(average.buffer, value.buffer, bytes);
      this.gpu.copy(kept, average.buffer, bytes);
    }
  }

  /** Copies the averages to the host. */
  async read(): Promise<Map<string, FloatTensor>> {
    const state = new Map<string, FloatTensor>();
    for (const [name, average] of this.values) {
      state.set(name, { shape: [...average.shape], data: await average.read() });
    }
    return state;
  }

  write(state: ReadonlyMap<string, FloatTensor>): void {
    for (const [name, average] of this.values) average.write(state.get(name)!.data);
  }

  release(): void {
    for (const average of this.values.values()) this.gpu.release(average);
  }

  *#pairs(): Generator<readonly [average: Tensor, value: Tensor]> {
    for (const { name, value } of this.parameters) yield [this.values.get(name)!, value];
  }
}

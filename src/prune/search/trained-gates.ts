/** Real-valued gates that train beside the weights, with a penalty on their magnitudes. Everything runs on the device, inside of the recorded step. */
import { UsageError } from "../../errors.js";
import { map } from "../../kernels/map.js";
import { adamw, optimizerSchedule } from "../../kernels/optimizer.js";
import type { Model } from "../../nn/index.js";
import { type Gradients, Tensor } from "../../tensor/index.js";
import { ADAMW_DEFAULTS } from "../../train/index.js";

/** How a penalty on the sum of magnitudes acts. */
export interface L1Penalty {
  /** Its factor in the objective. */
  readonly factor: number;
  /** proximal: gate = sign(gate) max(|gate| - rate * factor, 0) after each step, exact zeros included. subgradient: factor * sign(gate) joins the gradient. */
  readonly step: "proximal" | "subgradient";
}

interface TrainedGate {
  readonly values: Tensor;
  readonly firstMoment: Tensor;
  readonly secondMoment: Tensor;
}

/** Gates that start at one, each of a place of the model, under AdamW without decay and an L1 penalty. They are in the model until released. */
export class TrainedGates implements Disposable {
  readonly #gates = new Map<string, TrainedGate>();
  readonly #schedule: Tensor;

  /** @throws UsageError when a place is taken. */
  constructor(
    private readonly model: Model,
    places: readonly string[],
    private readonly penalty: L1Penalty,
  ) {
    const { gpu, gates } = model;
    const taken = places.find((place) => gates.get(place));
    if (taken)
      throw new UsageError(`gate ${taken}: expected a free place, got one with a gate; clear the model's gates`);
    this.#schedule = Tensor.from(gpu, new Float32Array(optimizerSchedule(0, 1)));
    for (const place of places) {
      const { units } = gates.places.get(place)!;
      const values = Tensor.from(gpu, new Float32Array(units[0]).fill(1));
      values.requiresGradient = true;
      const moments = { firstMoment: Tensor.zeros(gpu, values.shape), secondMoment: Tensor.zeros(gpu, values.shape) };
      this.#gates.set(place, { values, ...moments });
      gates.set(place, values);
    }
  }

  /** Sets the rate of a step, from 0, that is recorded or replayed next. */
  prepare(step: number, learningRate: number): void {
    const { beta1, beta2 } = ADAMW_DEFAULTS;
    this.#schedule.write(optimizerSchedule(learningRate, step + 1, beta1, beta2));
  }

  /** Records one step of every gate. */
  update(gradients: Gradients): void {
    for (const { values, ...moments } of this.#gates.values()) {
      const gradient = gradients.get(values);
      if (gradient) this.#step(values, gradient, moments);
    }
  }

  #step(values: Tensor, gradient: Tensor, moments: Omit<TrainedGate, "values">): void {
    const { gpu } = this.model;
    const { factor, step } = this.penalty;
    const { beta1, beta2, epsilon } = ADAMW_DEFAULTS;
    const length = values.size;
    if (step === "subgradient") {
      map(gpu, "factor * sign(gate)", { gate: { buffer: values }, factor }, { y: gradient, length, accumulate: true });
    }
    const buffers = { weight: values, gradient, schedule: this.#schedule, ...moments };
    adamw(gpu, buffers, { length, beta1, beta2, epsilon, decay: 0 });
    if (step === "proximal") {
      const rate = { buffer: this.#schedule, period: 1 };
      const shrunk = "sign(gate) * max(abs(gate) - rate * factor, 0.0)";
      map(gpu, shrunk, { rate, factor }, { y: values, length, inPlace: "gate" });
    }
  }

  /** The values by place. */
  async read(): Promise<Map<string, Float32Array>> {
    const values = new Map<string, Float32Array>();
    for (const [place, gate] of this.#gates) values.set(place, await gate.values.read());
    return values;
  }

  /** Gives every gate other values. */
  write(values: ReadonlyMap<string, Float32Array>): void {
    for (const [place, gate] of this.#gates) gate.values.write(values.get(place)!);
  }

  /** Takes the gates out of the model, and gives their memory back. */
  [Symbol.dispose](): void {
    const { gpu, gates } = this.model;
    for (const [place, { values, firstMoment, secondMoment }] of this.#gates) {
      if (gates.get(place) === values) gates.set(place, undefined);
      for (const tensor of [values, firstMoment, secondMoment]) gpu.release(tensor);
    }
    gpu.release(this.#schedule);
  }
}

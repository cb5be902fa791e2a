/** Real-valued gates that train beside the weights, with a penalty on their magnitudes. Everything runs on the device, inside of the recorded step. */
import { UsageError } from "../../errors.js";
import { map } from "../../kernels/map.js";
import type { Model } from "../../nn/index.js";
import type { Gradients, Tensor } from "../../tensor/index.js";
import { LearnedValues, LearningRate } from "./learned-values.js";

/** How a penalty on the sum of magnitudes acts. */
export interface L1Penalty {
  /** Its factor in the objective. */
  readonly factor: number;
  /** proximal: gate = sign(gate) max(|gate| - rate * factor, 0) after each step, exact zeros included. subgradient: factor * sign(gate) joins the gradient. */
  readonly step: "proximal" | "subgradient";
}

/** Gates that start at one, each of a place of the model, under AdamW without decay and an L1 penalty. They are in the model until released. */
export class TrainedGates implements Disposable {
  readonly #gates = new Map<string, LearnedValues>();
  readonly #rate: LearningRate;

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
    this.#rate = new LearningRate(gpu);
    for (const place of places) {
      const { units } = gates.places.get(place)!;
      const gate = new LearnedValues(gpu, new Float32Array(units[0]).fill(1), { rate: this.#rate });
      this.#gates.set(place, gate);
      gates.set(place, gate.values);
    }
  }

  /** Sets the rate of a step, from 0, that is recorded or replayed next. */
  prepare(step: number, learningRate: number): void {
    this.#rate.prepare(step, learningRate);
  }

  /** Records one step of every gate. */
  update(gradients: Gradients): void {
    for (const gate of this.#gates.values()) {
      const gradient = gradients.get(gate.values);
      if (gradient) this.#step(gate, gradient);
    }
  }

  #step(gate: LearnedValues, gradient: Tensor): void {
    const { gpu } = this.model;
    const { values } = gate;
    const { factor, step } = this.penalty;
    const length = values.size;
    if (step === "subgradient") {
      map(gpu, "factor * sign(gate)", { gate: { buffer: values }, factor }, { y: gradient, length, accumulate: true });
    }
    gate.update(gradient);
    if (step === "proximal") {
      const rate = { buffer: this.#rate.schedule, period: 1 };
      const shrunk = "sign(gate) * max(abs(gate) - rate * factor, 0.0)";
      map(gpu, shrunk, { rate, factor }, { y: values, length, inPlace: "gate" });
    }
  }

  /** What steps change, by name. */
  get tensors(): [string, Tensor][] {
    return Array.from(this.#gates, ([place, gate]) => gate.tensors(place)).flat();
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
    const { gates } = this.model;
    for (const [place, gate] of this.#gates) {
      if (gates.get(place) === gate.values) gates.set(place, undefined);
      gate[Symbol.dispose]();
    }
    this.#rate[Symbol.dispose]();
  }
}

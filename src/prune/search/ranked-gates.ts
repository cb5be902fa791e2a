/** Gates of 0 and 1 that are open for the largest of learned scores, as many at each place as a learned threshold says. */
import { UsageError } from "../../errors.js";
import { map } from "../../kernels/index.js";
import type { Model } from "../../nn/index.js";
import { add, backward, type Gradients, Tensor, topKMask } from "../../tensor/index.js";
import { LearnedValues } from "./learned-values.js";

/** A place of a model whose units are ranked. */
export interface RankedPlace {
  /** Key of its gate. */
  readonly place: string;
  /** Place of its first unit among all scores. */
  readonly offset: number;
  readonly count: number;
  /** What the number of open gates is rounded to where it divides `count`. */
  readonly roundTo: number;
}

/** How scores and thresholds begin, and what decays. */
export interface RankedGatesOptions {
  readonly initialThreshold: number;
  readonly scoreDecay: number;
  /** Thresholds rise no higher. */
  readonly highestThreshold: number;
}

/** In the model until disposed. A step of the search: passes with the gates, then `update`, which leaves the gates of the next step. */
export class RankedGates implements Disposable {
  readonly scores: LearnedValues;
  /** One a place. */
  readonly thresholds: LearnedValues;
  readonly #gates = new Map<RankedPlace, Tensor>();

  /** @throws UsageError when a place is taken or absent. */
  constructor(
    private readonly model: Model,
    private readonly places: readonly RankedPlace[],
    private readonly options: RankedGatesOptions,
  ) {
    const { gpu, gates } = model;
    const { initialThreshold, scoreDecay } = options;
    const wrong = places.find(({ place }) => !gates.places.has(place) || gates.get(place));
    if (wrong) {
      const got = gates.get(wrong.place) ? "one with a gate" : "none";
      throw new UsageError(`gate ${wrong.place}: expected a free place, got ${got}; clear the model's gates`);
    }
    const end = Math.max(...places.map(({ offset, count }) => offset + count));
    this.scores = new LearnedValues(gpu, new Float32Array(end), { decay: scoreDecay });
    this.thresholds = new LearnedValues(gpu, new Float32Array(places.length).fill(initialThreshold));
    for (const entry of places) {
      const gate = Tensor.empty(gpu, [entry.count]);
      gate.requiresGradient = true;
      gates.set(entry.place, gate);
      this.#gates.set(entry, gate);
    }
    using _temporaries = gpu.scope();
    this.#open(this.#masks());
  }

  /** What steps change, by name. */
  get tensors(): [string, Tensor][] {
    const gates = Array.from(this.#gates, ([{ place }, gate]): [string, Tensor] => [place, gate]);
    return [...gates, ...this.scores.tensors("scores"), ...this.thresholds.tensors("thresholds")];
  }

  #masks(): Tensor {
    return topKMask(this.scores.values, this.thresholds.values, this.places);
  }

  #open(masks: Tensor): void {
    for (const [{ offset, count }, gate] of this.#gates) {
      this.model.gpu.copy(masks.buffer, gate.buffer, 4 * count, 4 * offset);
    }
  }

  /**
   * Records a step of scores and thresholds from the gradients of the gates, and of the thresholds where the objective has them, and sets the gates
   * anew.
   */
  update(gradients: Gradients): void {
    const { gpu } = this.model;
    using _temporaries = gpu.scope();
    const byMask = Tensor.zeros(gpu, this.scores.values.shape);
    for (const [{ offset, count }, gate] of this.#gates) {
      const gradient = gradients.get(gate);
      if (gradient) gpu.copy(gradient.buffer, byMask.buffer, 4 * count, 0, 4 * offset);
    }
    // The gates are leaves, as they are made before the pass that uses them: here the chain goes on.
    const through = backward(this.#masks(), byMask);
    const byTask = through.get(this.thresholds.values)!;
    const byObjective = gradients.get(this.thresholds.values);
    this.scores.update(through.get(this.scores.values)!);
    this.thresholds.update(byObjective ? add(byTask, byObjective) : byTask);
    const { highestThreshold: highest } = this.options;
    const { values } = this.thresholds;
    if (Number.isFinite(highest)) {
      map(gpu, "min(t, highest)", { highest }, { y: values, length: values.size, inPlace: "t" });
    }
    this.#open(this.#masks());
  }

  /** Takes the gates out of the model, and gives all memory back. */
  [Symbol.dispose](): void {
    const { gpu, gates } = this.model;
    for (const [{ place }, gate] of this.#gates) {
      if (gates.get(place) === gate) gates.set(place, undefined);
      gpu.release(gate);
    }
    this.#gates.clear();
    this.scores[Symbol.dispose]();
    this.thresholds[Symbol.dispose]();
  }
}

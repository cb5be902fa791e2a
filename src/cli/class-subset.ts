/** Accuracy when a model may only answer with classes that the data have, as for ten classes out of a thousand. */
import type { Dataset } from "../io/dataset.js";

export class ClassSubsetMeter {
  #right = 0;
  #examples = 0;

  private constructor(private readonly allowed: readonly number[]) {}

  /** Undefined where the data name every class of the head, or none. */
  static for({ classNames, numClasses }: Dataset): ClassSubsetMeter | undefined {
    if (!classNames || classNames.size >= numClasses) return undefined;
    return new ClassSubsetMeter([...classNames.keys()].sort((a, b) => a - b));
  }

  get classes(): number {
    return this.allowed.length;
  }

  get top1(): number {
    return this.#right / Math.max(1, this.#examples);
  }

  /**
   * Logits that are not all finite are a wrong answer.
   * @param logits - [labels.length, classes of the head]
   */
  add(logits: Float32Array, labels: ArrayLike<number>): void {
    const width = logits.length / labels.length;
    for (let row = 0; row < labels.length; row++) {
      const scores = logits.subarray(row * width, (row + 1) * width);
      let best = this.allowed[0];
      for (const label of this.allowed) if (scores[label] > scores[best]) best = label;
      if (best === labels[row] && scores.every(Number.isFinite)) this.#right++;
    }
    this.#examples += labels.length;
  }
}

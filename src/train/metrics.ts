/** Accuracy and loss of logits on the host, in float64. */

export interface Metrics {
  /** Fractions of `examples`. */
  readonly top1: number;
  readonly top5: number;
  /** Mean cross entropy without label smoothing, in nats. */
  readonly loss: number;
  readonly examples: number;
  /** Examples with a logit that is not finite: they count as wrong, and make the loss NaN. */
  readonly nonFinite: number;
}

/** Adds up accuracy and loss over batches of logits. */
export class MetricsMeter {
  #top1 = 0;
  #top5 = 0;
  #loss = 0;
  #examples = 0;
  #nonFinite = 0;

  /** Adds the first `count` rows of logits [rows, classes]. */
  add(logits: Float32Array, labels: Uint32Array, count: number): void {
    const classes = logits.length / labels.length;
    for (let row = 0; row < count; row++) {
      const scores = logits.subarray(row * classes, (row + 1) * classes);
      const label = labels[row];
      // The rank counts equal scores before the label, as a stable descending sort does.
      let rank = 0;
      let highest = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < classes; c++) {
        if (scores[c] > scores[label] || (scores[c] === scores[label] && c < label)) rank++;
        if (scores[c] > highest) highest = scores[c];
      }
      let total = 0;
      for (let c = 0; c < classes; c++) total += Math.exp(scores[c] - highest);
      this.#loss += Math.log(total) + highest - scores[label];
      if (!scores.every(Number.isFinite)) this.#nonFinite++;
      else {
        if (rank < 1) this.#top1++;
        if (rank < 5) this.#top5++;
      }
    }
    this.#examples += count;
  }

  get metrics(): Metrics {
    const n = Math.max(1, this.#examples);
    return {
      top1: this.#top1 / n,
      top5: this.#top5 / n,
      loss: this.#loss / n,
      examples: this.#examples,
      nonFinite: this.#nonFinite,
    };
  }
}

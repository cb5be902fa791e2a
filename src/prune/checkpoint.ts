/** A pruning run between two rounds, held on the device: what a round that fails goes back to, and what a saved state is read from. */
import type { Model } from "../nn/index.js";
import { Tensor } from "../tensor/index.js";
import { clearMasks } from "./masks/masks.js";
import type { Scorer } from "./scorer.js";
import type { Selector } from "./select.js";
import { captureWeights, type WeightSnapshot } from "./weights.js";

/** What a round changes. */
export interface RunningParts {
  readonly model: Model;
  readonly scorer: Scorer;
  readonly selector: Selector;
}

/** Copies of keep bits, scores and sums of training, and of the weights where a round may change them. */
export class Checkpoint {
  readonly keep: Tensor;
  readonly scores: Tensor;
  readonly weights: WeightSnapshot | undefined;
  readonly training: ReadonlyMap<string, Tensor>;

  constructor(
    private readonly parts: RunningParts,
    withWeights: boolean,
    /** Units were pruned: masks lie over the model. */
    private readonly masked: boolean,
  ) {
    const { model, scorer, selector } = parts;
    this.keep = copyOf(selector.keep);
    this.scores = copyOf(scorer.scores);
    this.weights = withWeights ? captureWeights(model) : undefined;
    this.training = new Map(Array.from(scorer.trainingSums(), ([key, sum]) => [key, copyOf(sum)]));
  }

  /** Puts everything back but masks that have to be written from the keep bits. */
  restore(): void {
    const { model, scorer, selector } = this.parts;
    const { gpu } = model;
    gpu.copy(this.keep.buffer, selector.keep.buffer, this.keep.size * 4);
    selector.continueFrom(this.masked);
    gpu.copy(this.scores.buffer, scorer.scores.buffer, this.scores.size * 4);
    this.weights?.restore();
    for (const [key, sum] of scorer.trainingSums()) gpu.copy(this.training.get(key)!.buffer, sum.buffer, sum.size * 4);
    if (!this.masked) clearMasks(model);
  }

  release(): void {
    const { gpu } = this.parts.model;
    for (const copy of [this.keep, this.scores, ...this.training.values()]) gpu.release(copy);
    this.weights?.release();
  }
}

function copyOf({ gpu, buffer, shape, size, type }: Tensor): Tensor {
  const copy = Tensor.empty(gpu, shape, type);
  gpu.copy(buffer, copy.buffer, size * 4);
  return copy;
}

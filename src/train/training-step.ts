/** What one training step computed before its gradients: the material of an objective. */
import type { ModelOutput } from "../nn/model.js";
import { add, crossEntropy, map, mean, type Tensor } from "../tensor/index.js";

/** A batch, what the model made of it, and the losses that an objective may be built of. */
export class TrainingStep {
  #loss: Tensor | undefined;

  constructor(
    /** [batch, ...sample] */
    readonly images: Tensor,
    /** u32 [batch] */
    readonly labels: Tensor,
    readonly output: ModelOutput,
    private readonly labelSmoothing: number,
  ) {}

  /** Mean cross entropy over the batch, and over both heads of a distilled model, which learn the same labels; plus that of every exit. Computed where it is asked for. */
  get loss(): Tensor {
    return (this.#loss ??= this.#labelLoss());
  }

  /** Mean cross entropy of logits [batch, classes] and the batch's labels, with the run's label smoothing. */
  crossEntropy(logits: Tensor): Tensor {
    return mean(crossEntropy({ logits, labels: this.labels }, { smoothing: this.labelSmoothing }));
  }

  /** Cross entropy of all classifiers but the distillation head, which may have another teacher: those behind some blocks add theirs. */
  classLoss(): Tensor {
    const { logits, exits = [] } = this.output;
    return exits.map((exit) => this.crossEntropy(exit)).reduce(add, this.crossEntropy(logits));
  }

  #labelLoss(): Tensor {
    const { distillation } = this.output;
    const loss = this.classLoss();
    if (!distillation) return loss;
    return map("0.5 * (a + b)", { a: loss, b: this.crossEntropy(distillation) }, { a: "0.5", b: "0.5" });
  }
}

/** Makes the scalar that a training lowers, shape [1]. Called while the step is recorded: what it dispatches runs in every step. */
export type Objective = (step: TrainingStep) => Tensor;

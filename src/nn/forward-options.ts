/** What may be asked of a forward pass of any model: training, looking on, and what takes the place of its parts. */
import type { ActivationKind, AttentionAttributes, Tensor, WeightAs } from "../tensor/index.js";
import type { Parameter } from "./parameter.js";
import type { TrainingPass } from "./training.js";

/**
 * Sees activations as they are computed. The memory of a convolution's rows, and of all of them where no gradient is wanted, is reused after the
 * call, so work with them at once.
 */
export interface Observer {
  /** Input [..., in] and output [..., out] of a layer with weights, such as "blocks.0.mlp.fc1"; a convolution's are its patches and its pixels as rows. */
  readonly layer?: (name: string, input: Tensor, output: Tensor) => void;
  /** The activation at a gate's place, such as "blocks.0.mlp.neuron", after its gate if there is one. */
  readonly site?: (key: string, activation: Tensor) => void;
}

/** A layer's weight as its squares or ones, which the layer computes as it reads the tensor. Gradients of the tensor are by the squares. */
export interface WeightView {
  readonly tensor: Tensor;
  readonly as: WeightAs;
}

/** What may take the place of a parameter: a tensor of its shape, a view of one for weights of layers, or nothing for their biases. */
export type Substitute = Tensor | WeightView | "absent";

/** What may be asked of a forward pass. */
export interface ForwardOptions {
  /** Makes it a training pass. */
  readonly training?: TrainingPass;
  readonly observer?: Observer;
  /**
   * What takes the place of a parameter's value, such as a tensor with |w|, or `{ tensor: value, as: "square" }`. Masks lie over it as over the value.
   */
  readonly weights?: (parameter: Parameter) => Substitute;
  /** What takes the place of an activation function at a place such as "blocks.0.mlp.neuron"; undefined leaves it as it is. */
  readonly activation?: (x: Tensor, place: string, kind: ActivationKind) => Tensor | undefined;
  /** What takes the place of a layer or batch norm of x; `weight` takes part as its `prefix.weight`. undefined leaves it as it is. */
  readonly norm?: (x: Tensor, prefix: string, weight: Tensor) => Tensor | undefined;
  /**
   * What takes the place of attention over qkv [batch, tokens, 3 * heads * headDim] at a place such as "blocks.0.attn"; undefined leaves it. The gate of
   * its heads follows.
   */
  readonly attention?: (
    qkv: Tensor,
    attributes: AttentionAttributes,
    place: string,
    keyGate: Tensor | undefined,
  ) => Tensor | undefined;
  /** What takes the place of the sum of a residual branch and what goes around it; undefined leaves it as it is. */
  readonly residual?: (x: Tensor, branch: Tensor) => Tensor | undefined;
  /** Gradients also for removed weights of matrices, as criteria want that may revive them. */
  readonly denseGradients?: boolean;
  /**
   * What batch norms normalise by: their running statistics, or those of the batch, which leave the running ones as they are. Default: the running
   * ones; in training passes those of the batch, towards which the running ones move.
   */
  readonly batchNorm?: "running" | "batch";
}

/** The scalar whose gradient a saliency looks at, and the network that it is taken of. */
import { map as mapKernel } from "../../kernels/map.js";
import type { ForwardOptions, Model, ModelOutput, Parameter } from "../../nn/index.js";
import { crossEntropy, mean, Tensor } from "../../tensor/index.js";

/** What a loss may look at. */
export interface ObjectiveContext {
  readonly model: Model;
  readonly images: Tensor;
  /** u32 [batch] */
  readonly labels: Tensor;
  /** A forward pass as the objective describes it; call it as often as needed. Sources of activations are summed over the first call of a step only. */
  readonly forward: (images?: Tensor, options?: ForwardOptions) => ModelOutput;
}

/** Describes the gradients that a saliency wants where they are not those of the training loss. */
export interface Objective {
  /** "ones" runs once, over one example of ones, without calibration data. */
  readonly input?: "ones";
  /** WGSL expression over w that takes the place of every parameter, such as "abs(w)". Gradients are then by its result; the source `weight` stays the weight. */
  readonly weights?: string;
  /** A scalar. Default: mean cross entropy of the logits. */
  readonly loss?: (context: ObjectiveContext) => Tensor;
}

/** The loss of one batch, and the tensors that stand for the parameters in it. */
export interface ObjectivePass {
  readonly loss: Tensor;
  readonly leaf: (parameter: Parameter) => Tensor;
}

const taskLoss = ({ forward, labels }: ObjectiveContext): Tensor =>
  mean(crossEntropy({ logits: forward().logits, labels }, { smoothing: 0 }));

/** Runs an objective forward; the observer sees the first of its forward passes. */
export function runObjective(
  model: Model,
  { weights: text, loss = taskLoss }: Objective,
  { images, labels }: { images: Tensor; labels: Tensor },
  { observer, ...options }: ForwardOptions,
): ObjectivePass {
  const leaf = text === undefined ? ({ value }: Parameter) => value : transformed(model, text);
  let first: ForwardOptions = { observer };
  const forward = (input = images, more: ForwardOptions = {}) => {
    const all = { ...options, ...first, ...(text === undefined ? {} : { weights: leaf }), ...more };
    first = {};
    return model.forward(input, all);
  };
  return { loss: loss({ model, images, labels, forward }), leaf };
}

/** New leaves for all parameters, each made when it is first asked for. */
function transformed({ gpu }: Model, text: string): (parameter: Parameter) => Tensor {
  const leaves = new Map<Parameter, Tensor>();
  return (parameter) => {
    let leaf = leaves.get(parameter);
    if (!leaf) {
      leaf = Tensor.empty(gpu, parameter.value.shape);
      leaf.requiresGradient = true;
      mapKernel(gpu, text, { w: { buffer: parameter.value } }, { y: leaf, length: leaf.size });
      leaves.set(parameter, leaf);
    }
    return leaf;
  };
}

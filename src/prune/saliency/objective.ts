/** The scalar whose gradient a saliency looks at, and the network that it is taken of. */
import { map as mapKernel } from "../../kernels/map.js";
import type { ForwardOptions, Model, ModelOutput, Parameter } from "../../nn/index.js";
import { crossEntropy, mean, Tensor } from "../../tensor/index.js";

/** WGSL expression over w that takes the place of parameters, such as "abs(w)": of all of them, or of those that it is given for. */
export type Transformation = string | ((parameter: Parameter) => string | undefined);

/** What a loss may look at. */
export interface ObjectiveContext {
  readonly model: Model;
  readonly images: Tensor;
  /** u32 [batch] */
  readonly labels: Tensor;
  /** A forward pass as the objective describes it; call it as often as needed. Sources of activations are summed over the first call of a step only. */
  readonly forward: (images?: Tensor, options?: ForwardOptions) => ModelOutput;
  /** Weights for other forward passes: `forward(images, { weights: transformed("w * w") })`. No gradient flows to them. */
  readonly transformed: (weights: Transformation) => (parameter: Parameter) => Tensor;
}

/** Describes the gradients that a saliency wants where they are not those of the training loss. */
export interface Objective {
  /** "ones" runs once, over one example of ones, without calibration data. */
  readonly input?: "ones";
  /** What takes the place of parameters. Gradients are then by its result; the source `weight` stays the weight. */
  readonly weights?: Transformation;
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
  { weights, loss = taskLoss }: Objective,
  { images, labels }: { images: Tensor; labels: Tensor },
  { observer, ...options }: ForwardOptions,
): ObjectivePass {
  const leaf = weights === undefined ? ({ value }: Parameter) => value : transform(weights, true);
  let first: ForwardOptions = { observer };
  const forward = (input = images, more: ForwardOptions = {}) => {
    const all = { ...options, ...first, ...(weights === undefined ? {} : { weights: leaf }), ...more };
    first = {};
    return model.forward(input, all);
  };
  const transformed = (other: Transformation) => transform(other, false);
  return { loss: loss({ model, images, labels, forward, transformed }), leaf };
}

/** New tensors in the place of parameters, each made when it is first asked for. */
function transform(weights: Transformation, requiresGradient: boolean): (parameter: Parameter) => Tensor {
  const made = new Map<Parameter, Tensor>();
  return (parameter) => {
    const known = made.get(parameter);
    if (known) return known;
    const text = typeof weights === "string" ? weights : weights(parameter);
    const { value } = parameter;
    const tensor = text === undefined ? value.detach() : Tensor.empty(value.gpu, value.shape);
    tensor.requiresGradient = requiresGradient;
    if (text !== undefined) {
      mapKernel(value.gpu, text, { w: { buffer: value } }, { y: tensor, length: tensor.size });
    }
    made.set(parameter, tensor);
    return tensor;
  };
}

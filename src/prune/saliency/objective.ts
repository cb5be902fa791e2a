/** The scalar whose gradient a saliency looks at, and the network that it is taken of. */
import { randomNormal } from "../../kernels/random.js";
import type { ForwardOptions, Model, ModelOutput, Parameter, Substitute } from "../../nn/index.js";
import { crossEntropy, mean, type Shape, Tensor } from "../../tensor/index.js";
import { Substitutes, type Transformation } from "./substitutes.js";

/** What a loss may look at. */
export interface ObjectiveContext {
  readonly model: Model;
  readonly images: Tensor;
  /** u32 [batch] */
  readonly labels: Tensor;
  /** A forward pass as the objective describes it; call it as often as needed. Sources of activations are summed over the first call of a step only. */
  readonly forward: (images?: Tensor, options?: ForwardOptions) => ModelOutput;
  /** Weights for other forward passes: `forward(images, { weights: transformed("w * w") })`. No gradient flows to them. */
  readonly transformed: (weights: Transformation) => (parameter: Parameter) => Substitute;
  /** What takes the place of a parameter in `forward`. */
  readonly substitute: (parameter: Parameter) => Substitute;
  /** Standard normal numbers, by seed: others in each call, batch and round. */
  readonly normal: (shape: Shape) => Tensor;
  /** What `accumulate` has summed, where an objective has it; there for the loss only. */
  readonly accumulated?: Tensor;
}

/** A sum over the batches of calibration, without gradients. */
export interface Accumulation {
  readonly shape: (model: Model) => Shape;
  /** What a batch adds. */
  readonly batch: (context: ObjectiveContext) => Tensor;
  /** Whether all values of the sum are the same, whatever the data and the masks of scored parameters are: then no data are read, and they are ones. */
  readonly isUniform?: (model: Model, isScored: (parameter: string) => boolean) => boolean;
}

/** Describes the gradients that a saliency wants where they are not those of the training loss. */
export interface Objective {
  /** "ones" runs once, over one example of ones, without calibration data but for `accumulate`. */
  readonly input?: "ones";
  /** Summed over the calibration data before anything else, for a loss that runs once: with `input: "ones"` only. */
  readonly accumulate?: Accumulation;
  /** What takes the place of parameters. Gradients are then by its result; the source `weight` stays the weight. */
  readonly weights?: Transformation;
  /** A scalar. Default: mean cross entropy of the logits. */
  readonly loss?: (context: ObjectiveContext) => Tensor;
  /** Called before anything is computed. @throws UsageError for a model that the objective says nothing of. */
  readonly check?: (model: Model) => void;
}

/** The loss of one batch, and the tensors that stand for the parameters in it. */
export interface ObjectivePass {
  readonly loss: Tensor;
  readonly leaf: (parameter: Parameter) => Tensor;
}

const taskLoss = ({ forward, labels }: ObjectiveContext): Tensor =>
  mean(crossEntropy({ logits: forward().logits, labels }, { smoothing: 0 }));

/** Options of the objective's forward passes, and whether second derivatives will be taken of it. */
export interface ObjectiveRun extends ForwardOptions {
  readonly curvature?: boolean;
}

/** Runs an objective forward; the observer sees the first of its forward passes. */
export function runObjective(
  model: Model,
  { loss = taskLoss, ...objective }: Objective,
  batch: ObjectiveBatch,
  options: ObjectiveRun,
): ObjectivePass {
  const { context, ...leaves } = contextOf(model, objective, batch, options);
  return { loss: loss(context), ...leaves };
}

/** What a batch adds to the sum of an objective. */
export const accumulateBatch = (model: Model, objective: Objective, batch: ObjectiveBatch): Tensor =>
  objective.accumulate!.batch(contextOf(model, objective, batch, {}).context);

/** What an objective runs on. */
export interface ObjectiveBatch {
  readonly images: Tensor;
  readonly labels: Tensor;
  readonly accumulated?: Tensor;
  /** u32 [seed, step] */
  readonly draws: Tensor;
}

/** Tells the draws of objectives from those of other uses. */
const NORMAL_STREAM = 0x40a1_0000;

function contextOf(
  model: Model,
  { weights }: Objective,
  batch: ObjectiveBatch,
  { observer, curvature, ...options }: ObjectiveRun,
): { context: ObjectiveContext } & Omit<ObjectivePass, "loss"> {
  const tracked = { tracked: true, writtenOut: curvature };
  const substitutes = weights === undefined ? undefined : new Substitutes(model, weights, tracked);
  let first: ForwardOptions = { observer };
  const forward = (images = batch.images, more: ForwardOptions = {}) => {
    const all = { ...options, ...first, ...(substitutes && { weights: substitutes.of }), ...more };
    first = {};
    return model.forward(images, all);
  };
  const transformed = (other: Transformation) => new Substitutes(model, other, { tracked: false }).of;
  const leaf = substitutes?.leaf ?? (({ value }: Parameter) => value);
  const substitute = substitutes?.of ?? leaf;
  let stream = NORMAL_STREAM;
  const normal = (shape: Shape) => {
    const y = Tensor.empty(model.gpu, shape);
    randomNormal(model.gpu, { y, state: batch.draws }, { length: y.size, stream: stream++ });
    return y;
  };
  return { context: { ...batch, model, forward, transformed, substitute, normal }, leaf };
}

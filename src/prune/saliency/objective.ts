/** The scalar whose gradient a saliency looks at, and the network that it is taken of. */
import { map as mapKernel } from "../../kernels/map.js";
import { randomNormal } from "../../kernels/random.js";
import {
  type ForwardOptions,
  layerOf,
  type Model,
  type ModelOutput,
  type Parameter,
  type Substitute,
} from "../../nn/index.js";
import { crossEntropy, mean, type Shape, Tensor, type WeightAs } from "../../tensor/index.js";

/**
 * WGSL expression over w that takes the place of parameters, such as "abs(w)": of all of them, or of those that it is given for. Weights of layers
 * are squared ("w * w") and set to one ("1.0") where they are read, and biases of "0.0" are left out; other expressions are written out first.
 */
export type Transformation = string | ((parameter: Parameter) => string | undefined);

/** What a loss may look at. */
export interface ObjectiveContext {
  readonly model: Model;
  readonly images: Tensor;
  /** u32 [batch] */
  readonly labels: Tensor;
  /** A forward pass as the objective describes it; call it as often as needed. Sources of activations are summed over the first call of a step only. */
  readonly forward: (images?: Tensor, options?: ForwardOptions) => ModelOutput;
  /** Weights for other forward passes: `forward(images, { weights: transformed("w * w") })`. */
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
  /** Whether all values of the sum are the same whatever the data are: then no batch is run, and they are ones. Asked in every round. */
  readonly isUniform?: (model: Model) => boolean;
}

/** Describes the gradients that a saliency wants where they are not those of the training loss. */
export interface Objective {
  /** "ones" runs once, over one example of ones, without calibration data but for `accumulate`. */
  readonly input?: "ones";
  /** Summed over the calibration data before anything else, for a loss that runs once, with `input: "ones"`. */
  readonly accumulate?: Accumulation;
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
  { loss = taskLoss, ...objective }: Objective,
  batch: ObjectiveBatch,
  options: ForwardOptions,
): ObjectivePass {
  const { context, leaf } = contextOf(model, objective, batch, options);
  return { loss: loss(context), leaf };
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
  { observer, ...options }: ForwardOptions,
): { context: ObjectiveContext; leaf: ObjectivePass["leaf"] } {
  const substitutes = weights === undefined ? undefined : new Substitutes(model, weights, true);
  let first: ForwardOptions = { observer };
  const forward = (images = batch.images, more: ForwardOptions = {}) => {
    const all = { ...options, ...first, ...(substitutes && { weights: substitutes.of }), ...more };
    first = {};
    return model.forward(images, all);
  };
  const transformed = (other: Transformation) => new Substitutes(model, other, false).of;
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

/** Expressions that a layer computes as it reads its weight. */
const ON_LOAD: Readonly<Record<string, WeightAs>> = { "w * w": "square", "1.0": "one" };

/** What takes the place of parameters, each made when it is first asked for. */
class Substitutes {
  readonly #made = new Map<Parameter, Tensor>();

  constructor(
    private readonly model: Model,
    private readonly weights: Transformation,
    private readonly requiresGradient: boolean,
  ) {}

  readonly of = (parameter: Parameter): Substitute => {
    const text = this.#expression(parameter);
    return this.#onLoad(parameter, text) ?? this.#tensor(parameter, text);
  };

  /** The tensor that gradients are by. */
  readonly leaf = (parameter: Parameter): Tensor => {
    const text = this.#expression(parameter);
    return this.#onLoad(parameter, text) ? parameter.value : this.#tensor(parameter, text);
  };

  #expression(parameter: Parameter): string | undefined {
    return typeof this.weights === "string" ? this.weights : this.weights(parameter);
  }

  /** What needs no tensor of its own: squares and ones of weights, and zeros in the place of biases whose gradient nobody wants. */
  #onLoad({ name, value }: Parameter, text: string | undefined): Exclude<Substitute, Tensor> | undefined {
    if (text === undefined) return undefined;
    if (layerOf(this.model, name)) return Object.hasOwn(ON_LOAD, text) ? ON_LOAD[text] : undefined;
    const isTracked = this.requiresGradient && value.requiresGradient;
    const isBias = layerOf(this.model, name.replace(/\.bias$/, ".weight")) !== undefined;
    return text === "0.0" && isBias && !isTracked ? "absent" : undefined;
  }

  #tensor(parameter: Parameter, text: string | undefined): Tensor {
    const known = this.#made.get(parameter);
    if (known) return known;
    const { value } = parameter;
    const tensor = text === undefined ? value.detach() : Tensor.empty(value.gpu, value.shape);
    tensor.requiresGradient = this.requiresGradient && value.requiresGradient;
    if (text !== undefined) {
      mapKernel(value.gpu, text, { w: { buffer: value } }, { y: tensor, length: tensor.size });
    }
    this.#made.set(parameter, tensor);
    return tensor;
  }
}

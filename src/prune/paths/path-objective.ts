/**
 * R of path exclusion (Iurada et al., CVPR 2024, section 3) on any network of this library: a bound on the trace of the neural tangent kernel, as a sum
 * over the outputs of z1 * z2. z1 counts the active paths from x^2 to an output: weights are one, activations the 0/1 pattern of the network itself at
 * x. z2 sums the squared values of all paths from ones to an output: weights are squared, activations let everything pass.
 *
 * docs/px-on-vits.md derives what stands for other parts: what is only added is left out, norms and attention are scales that do not follow the weights.
 * On a ReLU network without biases and norms this is what the authors' code computes. z2 is the same for all examples, so R is the product of one row of
 * z2 with z1 summed over calibration; only z2 has a gradient.
 */
import { fill } from "../../kernels/fill.js";
import type { ForwardOptions, Model, Parameter } from "../../nn/index.js";
import { map, matmul, reshape, sum, Tensor, withoutHistory } from "../../tensor/index.js";
import type { Objective, ObjectiveContext } from "../saliency/objective.js";
import { evenResidual, frozenNorms, pathCountNorms } from "./frozen-norms.js";
import { isAdded, isToken, isVariance } from "./parameter-roles.js";
import { squaredAttention } from "./path-attention.js";
import { ActivationPatterns } from "./patterns.js";
import { RangeScale, type RangeScales } from "./range.js";

/** Learned inputs are treated as inputs are: ones for z2, their squares for z1. */
const role =
  (weight: string, token: string) =>
  (parameter: Parameter): string | undefined => {
    if (isVariance(parameter)) return undefined;
    if (isAdded(parameter)) return "0.0";
    return isToken(parameter) ? token : weight;
  };

const counted = role("1.0", "w * w");

/** Ones of a classifier that is whole, and stays so, give every class the same sum: z1 is a factor that all scores share. */
const countsAlike = ({ layers, parameters }: Model, isScored: (parameter: string) => boolean): boolean =>
  layers.every(({ kind, name }) => {
    const weight = `${name}.weight`;
    return kind !== "classifier" || !(parameters.get(weight).mask || isScored(weight));
  });

/** What a batch adds to z1: active paths by class. */
function countPaths(context: ObjectiveContext): Tensor {
  const { model, images, transformed } = context;
  const patterns = new ActivationPatterns();
  model.forward(images, patterns.taking);
  const range = new RangeScale(model, countScales(context));
  const { logits } = model.forward(map("x * x", { x: images }), {
    weights: transformed(counted),
    activation: (x, place) => range.keep(patterns.imposed(x, place), place),
    norm: pathCountNorms(model),
    attention: patterns.attending,
  });
  patterns.release();
  const [examples, classes] = logits.shape;
  return sum(logits, { outer: examples, length: classes, inner: 1 });
}

/** A magnitude of z1 at ones from which f32 still has room for inputs, batches, and the factor z2. */
const COUNTABLE = 2 ** 64;

/**
 * Whether numbers of paths, which are never below one, stay in range by the sizes of the layers alone: each layer multiplies them by its inputs at
 * most, and what goes around it adds as much as came in.
 */
const countsFit = ({ layers }: Model): boolean => layers.reduce((most, layer) => most * (layer.in + 1), 1) <= COUNTABLE;

/** Scales of z1 that do not depend on the batch, or sums over batches would mean nothing: those of one example of ones with everything active. */
function countScales({ model, transformed }: ObjectiveContext): RangeScales {
  if (model.trunk.length === 0 || countsFit(model)) return new Map();
  const range = new RangeScale(model);
  withoutHistory(() => {
    model.forward(exampleOfOnes(model), {
      weights: transformed(counted),
      activation: (x, place) => range.keep(x, place),
      norm: pathCountNorms(model),
    });
  });
  return range.scales;
}

function exampleOfOnes({ gpu, sampleShape }: Model): Tensor {
  const ones = Tensor.empty(gpu, [1, ...sampleShape]);
  fill(gpu, { y: ones }, { length: ones.size, value: 1 });
  return ones;
}

/** Forward options of z2. */
function squaring(model: Model): ForwardOptions {
  const range = new RangeScale(model);
  return {
    activation: (x, place) => range.keep(x, place),
    norm: frozenNorms(model),
    attention: squaredAttention,
    residual: evenResidual,
  };
}

/** The objective whose path scores are those of path exclusion. */
export const pathObjective: Objective = {
  input: "ones",
  weights: role("w * w", "1.0"),
  accumulate: {
    shape: ({ config }) => [config.numClasses],
    batch: countPaths,
    isUniform: countsAlike,
  },
  loss: ({ model, forward, accumulated }) => {
    const { logits } = forward(undefined, squaring(model));
    return matmul(logits, reshape(accumulated!, [logits.size, 1]));
  },
};

/**
 * Path exclusion on any network of this library, derived in docs/px-on-vits.md. Where a path multiplies a value, it is squared (z2) or one (z1); what
 * is only added starts paths of its own and is left out; norms and attention are scales that do not follow the weights. On a ReLU network without
 * biases and norms this is what the authors' code computes.
 */
import { fill } from "../../kernels/fill.js";
import type { Model, Parameter } from "../../nn/index.js";
import { pathAttention, Tensor, withoutHistory } from "../../tensor/index.js";
import type { ObjectiveContext } from "../saliency/objective.js";
import { evenResidual, frozenNorms, pathCountNorms } from "./frozen-norms.js";
import { isAdded, isToken, isVariance } from "./parameter-roles.js";
import type { PathRules } from "./path-objective.js";
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

/** Ones of a whole classifier give every class the same sum, so z1 is a factor that all scores share. */
const countsAlike = ({ layers, parameters }: Model): boolean =>
  layers.every(({ kind, name }) => kind !== "classifier" || !parameters.get(`${name}.weight`).mask);

/** The rules for networks beyond those that the authors treat. */
export const EXTENDED: PathRules = {
  countsAlike,
  counted,
  squared: role("w * w", "1.0"),
  counting: (context, patterns) => {
    const range = new RangeScale(context.model, countScales(context));
    return {
      activation: (x, place) => range.keep(patterns.imposed(x, place), place),
      norm: pathCountNorms(context.model),
      attention: patterns.attending,
    };
  },
  squaring: (model) => {
    const range = new RangeScale(model);
    return {
      activation: (x, place) => range.keep(x, place),
      norm: frozenNorms(model),
      attention: (qkv, attributes) => pathAttention(qkv, attributes),
      residual: evenResidual,
    };
  },
};

/** Scales of z1 that do not depend on the batch, or sums over batches would mean nothing: those of one example of ones with everything active. */
function countScales({ model, transformed }: ObjectiveContext): RangeScales | undefined {
  if (model.trunk.length === 0) return undefined;
  const range = new RangeScale(model);
  withoutHistory(() => {
    model.forward(onesFor(model), {
      weights: transformed(counted),
      activation: (x, place) => range.keep(x, place),
      norm: pathCountNorms(model),
    });
  });
  return range.scales;
}

function onesFor({ gpu, sampleShape }: Model): Tensor {
  const ones = Tensor.empty(gpu, [1, ...sampleShape]);
  fill(gpu, { y: ones }, { length: ones.size, value: 1 });
  return ones;
}

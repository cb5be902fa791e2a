/** What goes from inputs of ones to the outputs of a network of transformed parameters: the objective of synaptic flow. */
import { activation, sum, Tensor } from "../../tensor/index.js";
import type { Objective } from "../saliency/objective.js";
import { isAdded } from "./parameter-roles.js";
import { RangeScale } from "./range.js";

/** R = sum of the outputs, with this expression over w for every parameter; of deep networks up to a power of two, or f32 would not hold it. */
export const flowObjective = (weights: string): Objective => ({
  input: "ones",
  weights,
  loss: ({ model, forward, substitute }) => {
    const range = new RangeScale(model);
    const { logits } = forward(undefined, {
      activation: (x, place, kind) => range.keep(activation(x, kind), place),
      weights: (parameter) => {
        const value = substitute(parameter);
        return value instanceof Tensor && isAdded(parameter) ? range.added(value) : value;
      },
    });
    return sum(logits);
  },
});

/** The same as authors compute it, whatever becomes of the range. */
export const unscaledFlowObjective = (weights: string): Objective => ({
  input: "ones",
  weights,
  loss: ({ forward }) => sum(forward().logits),
});

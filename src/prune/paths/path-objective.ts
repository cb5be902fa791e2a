/**
 * R of path exclusion (Iurada et al., CVPR 2024, section 3): a bound on the trace of the neural tangent kernel, as a sum over the outputs of z1 * z2.
 * z1 counts the active paths from x^2 to an output: weights are one, activations the 0/1 pattern of the network itself at x. z2 sums the squared
 * values of all paths from ones to an output: weights are squared, activations let everything pass. z2 is the same for all examples, so R is the
 * product of one row of z2 with z1 summed over calibration; only z2 has a gradient.
 */
import type { ForwardOptions, Model, Parameter } from "../../nn/index.js";
import { gate, map, sum } from "../../tensor/index.js";
import type { Objective, ObjectiveContext } from "../saliency/objective.js";
import { ActivationPatterns } from "./patterns.js";

/** How the two networks come out of a model. */
export interface PathRules {
  /** WGSL expression over w for a parameter of z1; undefined leaves it as it is. */
  readonly counted: (parameter: Parameter) => string | undefined;
  /** The same for z2. */
  readonly squared: (parameter: Parameter) => string | undefined;
  /** Forward options of z1, which imposes the patterns where an activation is. */
  readonly counting: (context: ObjectiveContext, patterns: ActivationPatterns) => ForwardOptions;
  /** Forward options of z2. */
  readonly squaring: (model: Model) => ForwardOptions;
  /** Whether z1 is the same for all outputs, whatever the input is. */
  readonly countsAlike?: (model: Model) => boolean;
  /** @throws UsageError for a model that the rules say nothing of. */
  readonly check?: (model: Model) => void;
}

/** The objective whose path scores are those of path exclusion. */
export function pathObjective(rules: PathRules): Objective {
  return {
    input: "ones",
    weights: rules.squared,
    accumulate: {
      shape: (model) => {
        rules.check?.(model);
        return [model.config.numClasses];
      },
      batch: (context) => {
        const patterns = new ActivationPatterns();
        const { model, images, transformed } = context;
        model.forward(images, patterns.taking);
        const counting = { weights: transformed(rules.counted), ...rules.counting(context, patterns) };
        const { logits } = model.forward(map("x * x", { x: images }), counting);
        patterns.release();
        const [examples, classes] = logits.shape;
        return sum(logits, { outer: examples, length: classes, inner: 1 });
      },
      isUniform: rules.countsAlike,
    },
    loss: ({ model, forward, accumulated }) => {
      const { logits } = forward(undefined, rules.squaring(model));
      return sum(gate(logits, accumulated!, 1));
    },
  };
}

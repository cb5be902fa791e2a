import { flowObjective, unscaledFlowObjective } from "../paths/flow-objective.js";
import { EVERY_LAYER } from "../saliency/every-layer.js";
import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Synaptic flow through squares (Gebhart et al. 2021), as the PX authors compute it: the gradient by w^2 times w, and not times w^2. */
export const synflowL2 = defineSaliency({
  name: "synflow-l2",
  formula: "|w dR/d(w^2)|, R = sum of the outputs of network^2 for ones",
  needs: ["weight", "gradient"],
  manyRounds: true,
  objective: flowObjective("w * w"),
  referenceObjective: unscaledFlowObjective("w * w"),
  score: ({ weight, gradient }) => map("abs(w * g)", { w: weight, g: gradient }),
  referenceProtection: EVERY_LAYER,
});

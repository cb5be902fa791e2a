import { flowObjective, unscaledFlowObjective } from "../paths/flow-objective.js";
import { EVERY_LAYER } from "../saliency/every-layer.js";
import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Synaptic flow (Tanaka et al., NeurIPS 2020): the flow of ones through a network of magnitudes. Needs no data; meant for many rounds. */
export const synflow = defineSaliency({
  name: "synflow",
  formula: "|w dR/d|w||, R = sum of the outputs of |network| for ones",
  needs: ["weight", "gradient"],
  manyRounds: true,
  objective: flowObjective("abs(w)"),
  referenceObjective: unscaledFlowObjective("abs(w)"),
  score: ({ weight, gradient }) => map("abs(w * g)", { w: weight, g: gradient }),
  referenceProtection: EVERY_LAYER,
});

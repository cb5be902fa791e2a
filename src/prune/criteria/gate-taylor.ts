import { defineSaliency } from "../saliency/saliency.js";

/** What closing a unit's gate would do to the loss of each example, to first order, squared (Molchanov et al. 2019, equation 8, with gates for weights). */
export const gateTaylor = defineSaliency({
  name: "gate-taylor",
  formula: "sum over examples of (dL/dgate)^2",
  needs: ["exampleGateGradientSquared"],
  score: ({ exampleGateGradientSquared }) => exampleGateGradientSquared,
});

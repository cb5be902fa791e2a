import { sum } from "../../tensor/index.js";
import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Synaptic flow (Tanaka et al., NeurIPS 2020): the flow of ones through a network of magnitudes. Needs no data; meant for many rounds. */
export const synflow = defineSaliency({
  name: "synflow",
  formula: "|w dR/d|w||, R = sum of the outputs of |network| for ones",
  needs: ["weight", "gradient"],
  objective: { input: "ones", weights: "abs(w)", loss: ({ forward }) => sum(forward().logits) },
  score: ({ weight, gradient }) => map("abs(w * g)", { w: weight, g: gradient }),
});

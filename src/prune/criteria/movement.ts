import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Movement (Sanh et al., NeurIPS 2020): weights that training moves away from zero stay. Needs training steps before it scores. */
export const movement = defineSaliency({
  name: "movement",
  formula: "sum -g w over training steps",
  needs: ["movement"],
  score: (sources) => map("m", { m: sources.movement }),
});

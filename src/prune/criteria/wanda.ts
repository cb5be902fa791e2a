import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Weights and activations (Sun et al., ICLR 2024): magnitude times the norm of what the weight is multiplied by. Meant for scope `layer` or `row`. */
export const wanda = defineSaliency({
  name: "wanda",
  formula: "|w| ||x||_2",
  needs: ["weight", "inputNorm"],
  score: ({ weight, inputNorm }) => map("abs(w) * n", { w: weight, n: inputNorm }),
});

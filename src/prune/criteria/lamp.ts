import { map, sumOfLarger } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Layer-adaptive magnitude (Lee et al., ICLR 2021): a weight's part of what is left of its layer once all smaller ones are gone. */
export const lamp = defineSaliency({
  name: "lamp",
  formula: "w^2 / sum of v^2 over v of the layer with |v| >= |w|",
  needs: ["keptWeight"],
  score: ({ keptWeight }) => {
    const squared = map("w * w", { w: keptWeight });
    return map("q / max(s, 1e-38)", { q: squared, s: sumOfLarger(squared) });
  },
});

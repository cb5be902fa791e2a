import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** First-order Taylor expansion of the loss (Molchanov et al. 2017), its magnitude taken by batch. */
export const taylor = defineSaliency({
  name: "taylor",
  formula: "sum |g w|",
  needs: ["weight", "gradientAbsolute"],
  score: ({ weight, gradientAbsolute }) => map("a * abs(w)", { w: weight, a: gradientAbsolute }),
});

/** Molchanov et al. 2019, equation 8. */
export const taylorSquared = defineSaliency({
  name: "taylor-squared",
  formula: "sum (g w)^2",
  needs: ["weight", "gradientSquared"],
  score: ({ weight, gradientSquared }) => map("q * w * w", { w: weight, q: gradientSquared }),
});

/** Second-order Taylor expansion: the change of the summed loss when w goes to zero, with the diagonal of the Hessian estimated by random signs. */
export const taylorSecond = defineSaliency({
  name: "taylor-second",
  formula: "|h w^2 / 2 - sum g w|",
  needs: ["weight", "gradient", "hessianDiagonal"],
  score: ({ weight, gradient, hessianDiagonal }) =>
    map("abs(0.5 * h * w * w - g * w)", { w: weight, g: gradient, h: hessianDiagonal }),
});

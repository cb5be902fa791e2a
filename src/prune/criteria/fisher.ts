import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Optimal brain damage (LeCun et al. 1990) with the empirical Fisher information of batches as the diagonal of the Hessian. */
export const fisher = defineSaliency({
  name: "fisher",
  formula: "0.5 sum g^2 w^2",
  needs: ["weight", "gradientSquared"],
  score: ({ weight, gradientSquared }) => map("0.5 * q * w * w", { w: weight, q: gradientSquared }),
});

/** Optimal brain damage with the Hessian's own diagonal, estimated by random signs. */
export const obd = defineSaliency({
  name: "obd",
  formula: "0.5 h w^2",
  needs: ["weight", "hessianDiagonal"],
  score: ({ weight, hessianDiagonal }) => map("0.5 * h * w * w", { w: weight, h: hessianDiagonal }),
});

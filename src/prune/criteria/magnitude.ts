import { EVERY_LAYER } from "../saliency/every-layer.js";
import { l2, map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** L1 magnitude (Han et al. 2015): of larger units, the sum over their weights. */
export const magnitude = defineSaliency({
  name: "magnitude",
  formula: "|w|",
  needs: ["weight"],
  score: ({ weight }) => map("abs(w)", { w: weight }),
  referenceProtection: EVERY_LAYER,
});

/** L2 magnitude: of larger units, the Euclidean norm of their weights (Li et al. 2017 rank filters by such norms). */
export const magnitudeL2 = defineSaliency({
  name: "magnitude-l2",
  formula: "||w||_2",
  needs: ["weight"],
  score: ({ weight }) => l2(weight),
});

/** Magnitude as a share of the Euclidean norm of what is left of the layer, so that layers of different scales can be ranked together. */
export const magnitudeNormalized = defineSaliency({
  name: "magnitude-normalized",
  formula: "|w| / ||W||_2",
  needs: ["keptWeight"],
  score: ({ keptWeight }) => map("abs(w) / max(n, 1e-38)", { w: keptWeight, n: l2(keptWeight, "layer") }),
});

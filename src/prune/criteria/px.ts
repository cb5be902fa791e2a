import { EXTENDED } from "../paths/extended-rules.js";
import { pathObjective } from "../paths/path-objective.js";
import { PUBLISHED } from "../paths/published-rules.js";
import { EVERY_LAYER } from "../saliency/every-layer.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Path exclusion (Iurada et al., CVPR 2024): keeps the weights that carry a bound of the neural tangent kernel's trace. Meant for many rounds. */
export const px = defineSaliency({
  name: "px",
  formula: "w^2 |dR/d(w^2)|, R = sum over outputs of active paths x squared path values",
  needs: ["pathScore"],
  objective: pathObjective(EXTENDED),
  referenceObjective: pathObjective(PUBLISHED),
  score: ({ pathScore }) => pathScore,
  referenceProtection: EVERY_LAYER,
});

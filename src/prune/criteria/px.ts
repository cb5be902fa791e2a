import { pathObjective } from "../paths/path-objective.js";
import { publishedPathObjective } from "../paths/published-objective.js";
import { EVERY_LAYER } from "../saliency/every-layer.js";
import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";
import { SOURCES } from "../saliency/sources.js";

/** Path exclusion (Iurada et al., CVPR 2024): keeps the weights that carry a bound of the neural tangent kernel's trace. Meant for many rounds. */
export const px = defineSaliency({
  name: "px",
  formula: "w^2 |dR/d(w^2)|, R = sum over outputs of active paths x squared path values",
  needs: ["pathScore"],
  manyRounds: true,
  objective: pathObjective,
  referenceObjective: publishedPathObjective,
  score: ({ pathScore }) => pathScore,
  referenceScore: () => map("w * w * abs(g)", { w: SOURCES.weight, g: SOURCES.gradient }),
  referenceProtection: EVERY_LAYER,
});

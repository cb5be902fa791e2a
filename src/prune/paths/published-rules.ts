/** Path exclusion to the letter of its authors' code, which says what happens to a parameter by its name. */
import { UsageError } from "../../errors.js";
import type { Parameter } from "../../nn/index.js";
import type { PathRules } from "./path-objective.js";

/**
 * Everything but what has `bn` or `fc` in its name is transformed: biases too, and the norm of a shortcut, which has neither; a classifier called `fc`
 * keeps its signs. Batch norms go by the statistics of the batch.
 */
const isTransformed = ({ name }: Parameter): boolean => !name.includes("bn") && !name.includes("fc");

/** The authors' rules. What becomes of a ResNet under them is told in docs/criteria/px.md. */
export const PUBLISHED: PathRules = {
  counted: (parameter) => (isTransformed(parameter) ? "1.0" : undefined),
  squared: (parameter) => (isTransformed(parameter) ? "w * w" : undefined),
  counting: (_context, patterns) => ({
    batchNorm: "batch",
    activation: (x, place) => patterns.imposed(x, place),
  }),
  squaring: () => ({ batchNorm: "batch", activation: (x) => x }),
  check: ({ config: { architecture } }) => {
    if (architecture !== "vit") return;
    throw new UsageError(
      "px: expected linear layers, convolutions and ReLU under reference, got a ViT, which its authors say nothing of; leave reference out",
    );
  },
};

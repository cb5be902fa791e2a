/** Path exclusion to the letter of its authors' code, which says what happens to a parameter by its name. */
import { UsageError } from "../../errors.js";
import type { Model, Parameter } from "../../nn/index.js";
import { gate, map, sum, withoutHistory } from "../../tensor/index.js";
import type { Objective } from "../saliency/objective.js";
import { ActivationPatterns } from "./patterns.js";

/**
 * Everything but what has `bn` or `fc` in its name is transformed: biases too, and the norm of a shortcut, which has neither; a classifier called `fc`
 * keeps its signs.
 */
const transformed =
  (text: string) =>
  ({ name }: Parameter): string | undefined =>
    name.includes("bn") || name.includes("fc") ? undefined : text;

/** @throws UsageError for networks without the authors' parts. */
function requireReLUs({ config: { architecture } }: Model): void {
  if (architecture !== "vit") return;
  throw new UsageError(
    "px: expected linear layers, convolutions and ReLU under reference, got a ViT, which its authors say nothing of; leave reference out",
  );
}

/**
 * R = sum over examples and outputs of z1 * z2, both of the whole batch, with batch norms by the statistics of the batch, and its gradient by what is
 * squared (by the weight itself where it is not). What becomes of batch norms under it is told in docs/criteria/px.md.
 */
export const publishedPathObjective: Objective = {
  check: requireReLUs,
  weights: transformed("w * w"),
  loss: ({ model, images, forward, transformed: substitutes }) => {
    const patterns = new ActivationPatterns();
    const counts = withoutHistory(() => {
      model.forward(images, patterns.taking);
      return forward(map("x * x", { x: images }), {
        weights: substitutes(transformed("1.0")),
        batchNorm: "batch",
        activation: (x, place) => patterns.imposed(x, place),
      }).logits;
    });
    patterns.release();
    const ones = withoutHistory(() => map("1.0", { x: images }));
    const { logits } = forward(ones, { batchNorm: "batch", activation: (x) => x });
    return sum(gate(logits, counts, 1));
  },
};

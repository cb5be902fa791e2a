import { map as compute, sum } from "../../tensor/index.js";
import { drawPair } from "../fresh-networks.js";
import { EVERY_LAYER } from "../saliency/every-layer.js";
import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** NTK-SAP (Wang et al., ICLR 2023): keeps what moves the spectrum of the neural tangent kernel most, whatever the weights. Meant for many rounds. */
export const ntkSap = defineSaliency({
  name: "ntk-sap",
  formula: "|d/dm sum ||f(x; m W) - f(x; m (W + 0.01 N))||^2|, x, W and N drawn",
  needs: ["gradient"],
  manyRounds: true,
  objective: {
    weights: "1.0 + 0.0 * w", // the mask m that gradients are by
    loss: (context) => {
      const x = context.normal(context.images.shape);
      const { fresh, perturbed } = drawPair(context, x, 0.01);
      const [a, b] = [fresh, perturbed].map((options) => context.forward(x, options).logits);
      return sum(compute("(a - b) * (a - b)", { a, b }, { a: "2.0 * (a - b)", b: "2.0 * (b - a)" }));
    },
  },
  score: ({ gradient }) => map("abs(g)", { g: gradient }),
  referenceProtection: EVERY_LAYER,
});

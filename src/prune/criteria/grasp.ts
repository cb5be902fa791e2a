import { map as compute, crossEntropy, mean } from "../../tensor/index.js";
import { EVERY_LAYER } from "../saliency/every-layer.js";
import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Gradient signal preservation (Wang et al., ICLR 2020), with their temperature; `reference` divides by the magnitude of the total. */
export const grasp = defineSaliency({
  name: "grasp",
  formula: "w (H g), of the loss of logits / 200",
  needs: ["weight", "hessianGradient"],
  objective: {
    loss: ({ forward, labels }) => {
      const logits = compute("x / 200.0", { x: forward().logits }, { x: "1.0 / 200.0" });
      return mean(crossEntropy({ logits, labels }, { smoothing: 0 }));
    },
  },
  score: ({ weight, hessianGradient }) => map("w * h", { w: weight, h: hessianGradient }),
  referenceProtection: EVERY_LAYER,
  referenceTotal: true,
});

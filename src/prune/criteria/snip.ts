import { EVERY_LAYER } from "../saliency/every-layer.js";
import { map } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Connection sensitivity (Lee et al., ICLR 2019); `reference` divides by the total, as they do. */
export const snip = defineSaliency({
  name: "snip",
  formula: "|sum g w|",
  needs: ["maskGradient"],
  score: ({ maskGradient }) => map("abs(m)", { m: maskGradient }),
  referenceProtection: EVERY_LAYER,
  referenceTotal: true,
});

import { biasFold } from "../compensate.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Variance-based pruning (Berisha et al., ICCV 2025): neurons that hardly vary go, and their mean moves into the next layer's bias. */
export const vbp = defineSaliency({
  name: "vbp",
  formula: "variance of the activation",
  needs: ["activationVariance", "inputMean"],
  score: ({ activationVariance }) => activationVariance,
  compensate: biasFold(),
});

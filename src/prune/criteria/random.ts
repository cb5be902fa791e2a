import { EVERY_LAYER } from "../saliency/every-layer.js";
import { defineSaliency } from "../saliency/saliency.js";

/** Uniform in [0, 1), by seed: what any other criterion has to beat. The PX authors draw standard normal numbers, whose ranks are as random. */
export const random = defineSaliency({
  name: "random",
  formula: "uniform",
  needs: ["random", "normal"],
  score: (sources) => sources.random,
  referenceScore: (sources) => sources.normal,
  referenceProtection: EVERY_LAYER,
});

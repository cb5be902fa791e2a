import { defineSaliency } from "../saliency/saliency.js";

/** Uniform in [0, 1), by seed: what any other criterion has to beat. */
export const random = defineSaliency({
  name: "random",
  formula: "uniform",
  needs: ["random"],
  score: (sources) => sources.random,
});

export { describeRun, type PrunedModel } from "./describe-run.js";
export { type HistogramOptions, type ScoredUnits, scoreHistogram } from "./histogram.js";
export { renderReport } from "./html.js";
export { reportToJson } from "./json.js";
export { countKept, keptCost, layerDensity, overallDensity } from "./summary.js";
export type * from "./types.js";

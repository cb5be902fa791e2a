export { type AccuracyPicture, type AccuracyPoint, type AccuracySeries, accuracySvg } from "./accuracy-svg.js";
export { type HistogramOptions, type ScoredUnits, scoreHistogram } from "./histogram.js";
export { type HistogramPicture, histogramSvg } from "./histogram-svg.js";
export { renderReport } from "./html.js";
export { reportToJson } from "./json.js";
export { countKept, keptFlops, keptParameters, layerDensity, overallDensity, removedPart } from "./summary.js";
export type * from "./types.js";

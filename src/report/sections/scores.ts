import { figure, legend } from "../figure.js";
import { axisTitle, describe, drawHistogram, outsideText, scoreLegend } from "../histogram-plot.js";
import { type Markup, markup } from "../markup.js";
import type { Histogram } from "../types.js";

/** Score histograms: the first one large, the others small beneath it. */
export function scoreCharts(id: string, histograms: readonly Histogram[]): Markup | null {
  if (histograms.length === 0) return null;
  const [main, ...others] = histograms;
  const small = others.map((histogram, i) => histogramFigure(`${id}-${i + 1}`, histogram, "small"));
  return markup`${histogramFigure(id, main, "large")}${
    small.length > 0 && markup`<div class="multiples">${small}</div>`
  }`;
}

function histogramFigure(id: string, histogram: Histogram, format: "large" | "small"): Markup {
  const title = `Scores of ${histogram.label}`;
  if (histogram.counts.length === 0) {
    return markup`<figure><figcaption>${title}</figcaption><p class="note">No score to draw. ${outsideText(histogram)}</p></figure>`;
  }
  const large = format === "large";
  return figure({
    id,
    title,
    description: describe(histogram),
    height: large ? 280 : 160,
    sizes: large ? ["wide", "narrow"] : ["narrow"],
    legend: large && legend(scoreLegend(histogram)),
    draw: (size) => drawHistogram(size, histogram, { title: large ? axisTitle(histogram) : "", tips: true }),
  });
}

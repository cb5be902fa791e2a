/** Draws a histogram of scores, and says in words what it shows. */
import { scaleLinear, scaleLog, scaleSymlog } from "d3-scale";
import { coordinate, type LegendEntry, type Plot, type Size, swatch, xAxis, yAxis } from "./figure.js";
import { axisLabels, integer, isMeasured, percent, scientific, siPrefix } from "./format.js";
import { type Bar, drawBar, outsideBars } from "./histogram-bars.js";
import { type Content, markup } from "./markup.js";
import type { Histogram, Tally } from "./types.js";

export const axisTitle = ({ scale }: Histogram): string =>
  scale === "log" ? "score, log scale" : "score, log scale on both sides of zero";

export function scoreLegend({ threshold }: Histogram): LegendEntry[] {
  return [
    { label: "pruned", sample: swatch("pruned-bar") },
    { label: "kept", sample: swatch("kept-bar") },
    ...(isMeasured(threshold)
      ? [{ label: `threshold ${scientific(threshold)}`, sample: markup`<line class="threshold" y1="-7" y2="7"/>` }]
      : []),
  ];
}

/** Scores that have no bin, in words. */
export function outsideText({ zeros, below, infinite, nan, edges }: Histogram): string {
  const entries: [string, Tally][] = [
    ["zero", zeros],
    [`below ${scientific(edges[0])}`, below],
    ["infinite", infinite],
    ["not a number", nan],
  ];
  const present = entries.filter(([, { count }]) => count > 0);
  if (present.length === 0) return "";
  return `Outside of the bins: ${present.map(([name, { count }]) => `${integer(count)} ${name}`).join(", ")}.`;
}

export function describe(histogram: Histogram): string {
  const { edges, counts, pruned, scale, threshold } = histogram;
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const cut = isMeasured(threshold) ? ` Threshold ${scientific(threshold)}.` : "";
  return `${integer(sum(counts))} scores from ${scientific(edges[0])} to ${scientific(edges.at(-1))} on a ${scale} scale, ${percent(sum(pruned) / sum(counts), 1)} of them pruned.${cut} ${outsideText(histogram)}`;
}

/** What goes with the bars. */
export interface HistogramDecoration {
  /** Under the axis. */
  readonly title?: string;
  /** Bars say their counts when they are pointed at. */
  readonly tips?: boolean;
}

export function drawHistogram(
  { width, height, wide }: Size,
  histogram: Histogram,
  { title = "", tips = false }: HistogramDecoration,
): Content {
  const { edges, scale, core, counts, pruned, threshold } = histogram;
  const plot: Plot = { left: 52, right: width - 16, top: 14, bottom: height - (title === "" ? 26 : 48) };
  // The bins alone set the scale: rounds leave so many zeros behind that the rest would be a flat line beside them.
  const y = scaleLinear([0, Math.max(1, ...counts)], [plot.bottom, plot.top]).nice(4);
  const outside = outsideBars(histogram, plot.left + 8, y.domain()[1]);
  const left = outside.length > 0 ? outside.at(-1)!.to + 14 : plot.left;
  const domain = [edges[0], edges.at(-1)!];
  const axis = scale === "log" ? scaleLog() : scaleSymlog().constant(core!);
  const x = axis.domain(domain).range([left, plot.right]).clamp(true);
  const bars: Bar[] = counts.map((count, i) => ({
    from: x(edges[i]),
    to: x(edges[i + 1]),
    tally: { count, pruned: pruned[i] },
    label: `${scientific(edges[i])} to ${scientific(edges[i + 1])}`,
  }));
  const counted = y.ticks(4).filter(Number.isInteger);
  const yTicks = counted.map((count) => ({ at: y(count), label: siPrefix(count) }));
  const clearance = outside.length > 0 ? 24 : 0;
  const room = Math.floor((plot.right - left) / LABEL_WIDTH.power);
  const values = scale === "log" ? decades(domain, x, Math.min(room, wide ? 10 : 5)) : signedDecades(domain, x);
  const ticks = values.filter((tick) => x(tick) >= left + clearance);
  const labels = axisLabels(ticks);
  const xTicks = ticks.map((tick, i) => ({ at: x(tick), label: labels[i] }));
  const outsideTicks = outside.map(({ from, to, label }) => ({ at: (from + to) / 2, label }));
  const cut = isMeasured(threshold) && coordinate(x(threshold));
  return [
    yAxis(plot, yTicks),
    [...outside, ...bars].map((bar) => drawBar(bar, y, tips)),
    xAxis(plot, [...outsideTicks, ...xTicks], title),
    cut !== false && markup`<line class="threshold" x1="${cut}" x2="${cut}" y1="${plot.top - 8}" y2="${plot.bottom}"/>`,
  ];
}

/** Room that labels such as 1e-7 and −1e-7 take. */
const LABEL_WIDTH = { power: 40, signed: 48 };

/** Whole powers of ten in the domain, thinned to about `limit`; their multiples where there are fewer than two. */
function decades(domain: readonly number[], x: (score: number) => number, limit: number): number[] {
  const [low, high] = domain;
  const first = Math.ceil(Math.log10(low));
  const last = Math.floor(Math.log10(high));
  if (last - first < 1) return multiples(domain, x);
  const step = Math.ceil((last - first + 1) / limit);
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => 10 ** (first + i * step));
}

/** First digits of labels of a short domain: the second only where the first give too few. */
const DIGITS = [
  [1, 5, 2],
  [3, 7, 4, 6, 8, 9],
];
const ENOUGH = 3;

/** Multiples of powers of ten where there is room for a label; the ends of the domain where there are fewer than two. */
function multiples([low, high]: readonly number[], x: (score: number) => number): number[] {
  const ticks: number[] = [];
  for (const digits of DIGITS) {
    if (ticks.length >= ENOUGH) break;
    for (const digit of digits) {
      for (let exponent = Math.floor(Math.log10(low)); 10 ** exponent <= high; exponent++) {
        const tick = digit * 10 ** exponent;
        const fits = ticks.every((other) => Math.abs(x(tick) - x(other)) >= LABEL_WIDTH.power);
        if (tick >= low && tick <= high && fits) ticks.push(tick);
      }
    }
  }
  return ticks.length > 1 ? ticks : [low, high];
}

/** Zero, and powers of ten of both signs, largest first, where there is room for a label. */
function signedDecades([low, high]: readonly number[], x: (score: number) => number): number[] {
  const largest = Math.max(-low, high);
  const ticks = [low <= 0 && high >= 0 ? 0 : low];
  for (let exponent = Math.floor(Math.log10(largest)); exponent >= -45; exponent--) {
    const power = 10 ** exponent;
    for (const tick of [-power, power]) {
      const fits = ticks.every((other) => Math.abs(x(tick) - x(other)) >= LABEL_WIDTH.signed);
      if (tick >= low && tick <= high && fits) ticks.push(tick);
    }
  }
  return ticks;
}

/** Accuracy over sparsity with its spread, as a picture by itself for pages that are no report. */
import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { coordinate, type Plot, referenceLine, seriesClass, xAxis, yAxis } from "./figure.js";
import { percent, shortPercent } from "./format.js";
import { type Content, Markup, markup } from "./markup.js";
import { marker } from "./series.js";
import { PICTURE_STYLE } from "./style.js";

/** Accuracy at one sparsity; all three are fractions. */
export interface AccuracyPoint {
  readonly sparsity: number;
  readonly mean: number;
  /** Standard deviation over runs. */
  readonly spread: number;
}

/** A line of the picture. */
export interface AccuracySeries {
  readonly name: string;
  /** By rising sparsity. */
  readonly points: readonly AccuracyPoint[];
}

/** What the picture shows. */
export interface AccuracyPicture {
  readonly title: string;
  /** Under the title: of what the accuracies are. */
  readonly note: string;
  /** The first one stands out. */
  readonly series: readonly AccuracySeries[];
  /** Accuracy of the network that is not pruned. */
  readonly dense: number;
}

const WIDTH = 800;
const HEIGHT = 500;
const PLOT: Plot = { left: 60, right: 650, top: 76, bottom: HEIGHT - 52 };
/** Between labels, and between series that share a sparsity, so that whiskers stand side by side. */
const LINE_HEIGHT = 16;
const SHIFT = 4;

/** A picture that follows the viewer's light or dark scheme; each line bears its name. Equal input gives equal bytes. */
export function accuracySvg({ title, note, series, dense }: AccuracyPicture): string {
  const points = series.flatMap((each) => each.points);
  const sparsities = [...new Set(points.map(({ sparsity }) => sparsity))].sort((a, b) => a - b);
  const margin = (series.length / 2) * SHIFT + 6;
  // A logarithmic scale of what is kept gives the high sparsities, where methods differ, their room.
  const x = scaleLog([1 - sparsities[0], 1 - sparsities.at(-1)!], [PLOT.left + margin, PLOT.right - margin]);
  const low = Math.min(dense, ...points.map(({ mean, spread }) => mean - spread));
  const high = Math.max(dense, ...points.map(({ mean, spread }) => mean + spread));
  const y = scaleLinear([Math.max(0, low), Math.min(1, high)], [PLOT.bottom, PLOT.top]).nice(6);
  const at = ({ sparsity, mean, spread }: AccuracyPoint, index: number): Mark => ({
    x: coordinate(x(1 - sparsity) + (index - (series.length - 1) / 2) * SHIFT),
    y: coordinate(y(mean)),
    low: coordinate(y(Math.max(0, mean - spread))),
    high: coordinate(y(Math.min(1, mean + spread))),
  });
  const marks = series.map((each, index) => each.points.map((point) => at(point, index)));
  const xTicks = sparsities.map((sparsity) => ({ at: x(1 - sparsity), label: shortPercent(sparsity) }));
  const yTicks = y.ticks(6).map((tick) => ({ at: y(tick), label: shortPercent(tick) }));
  const description = series.map(describe).join("; ");
  // The first series is drawn last: over the others.
  const lines = series.map((_, index) => drawSeries(marks[index], index)).reverse();
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title description">
<title id="title">${title}</title><desc id="description">${note}. Dense ${percent(dense, 1)}. ${description}.</desc>
<style>${Markup.trusted(PICTURE_STYLE)}</style>
<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="8"/>
<text class="heading" x="16" y="27">${title}</text><text x="16" y="47">${note}</text>
${yAxis(PLOT, yTicks)}${xAxis(PLOT, xTicks, "sparsity (logarithmic in what is kept)")}${referenceLine(PLOT, y(dense))}<text x="${PLOT.right - 4}" y="${coordinate(y(dense) - 6)}" text-anchor="end">dense ${percent(dense, 1)}</text>
${lines}${nameLines(
  series,
  marks.map((each) => each.at(-1)),
)}</svg>
`.toString();
}

/** A point in the picture, with the ends of its whisker. */
interface Mark {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

const describe = ({ name, points }: AccuracySeries): string =>
  `${name}: ${points.map(({ sparsity, mean }) => `${percent(mean, 1)} at ${shortPercent(sparsity)}`).join(", ")}`;

const path = line<Mark>(
  (mark) => mark.x,
  (mark) => mark.y,
);

/** There are eight colours: later lines are dashed. */
const lineClass = (index: number): string => (index < 8 ? "curve" : "curve dashed");

function drawSeries(marks: readonly Mark[], index: number): Markup {
  const whisker = (mark: Mark): Markup =>
    markup`<line class="curve" x1="${mark.x}" x2="${mark.x}" y1="${mark.low}" y2="${mark.high}" opacity="0.5"/>`;
  const point = (mark: Mark): Markup =>
    markup`<path class="point" d="${marker(index, 64)}" transform="translate(${mark.x} ${mark.y})"/>`;
  return markup`<g class="${seriesClass(index)}">${marks.map(whisker)}<path class="${lineClass(index)}"${
    index === 0 && markup` style="stroke-width:3"`
  } d="${path([...marks])}"/>${marks.map(point)}</g>
`;
}

/** Names right of the lines' ends, moved apart where ends are close. */
function nameLines(series: readonly AccuracySeries[], ends: readonly (Mark | undefined)[]): Content {
  const named = series
    .flatMap(({ name }, index) => (ends[index] ? [{ name, index, end: ends[index] }] : []))
    .sort((a, b) => a.end.y - b.end.y);
  const places = apart(
    named.map(({ end }) => end.y),
    { low: PLOT.top, high: PLOT.bottom },
  );
  return named.map(({ name, index, end }, rank) => {
    const y = coordinate(places[rank]);
    return markup`<g class="${seriesClass(index)}"><path class="curve" style="stroke-width:1" opacity="0.5" d="M${end.x + 6} ${end.y}L${PLOT.right + 10} ${y}"/><path class="point" d="${marker(index, 64)}" transform="translate(${PLOT.right + 18} ${y})"/></g><text x="${PLOT.right + 28}" y="${y}" dy="0.32em"${index === 0 && markup` class="caption"`}>${name}</text>
`;
  });
}

/** Rising places, each as near to where it belongs as a line's height between neighbours allows. */
function apart(wanted: readonly number[], { low, high }: { readonly low: number; readonly high: number }): number[] {
  const places = [...wanted];
  for (let i = 0; i < places.length; i++) {
    places[i] = Math.max(places[i], i === 0 ? low : places[i - 1] + LINE_HEIGHT);
  }
  for (let i = places.length - 1; i >= 0; i--) {
    places[i] = Math.min(places[i], i === places.length - 1 ? high : places[i + 1] - LINE_HEIGHT);
  }
  return places;
}

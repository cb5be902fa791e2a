/**
 * Roofline: each kernel's arithmetic per byte over its rate, both logarithmic, under what memory and arithmetic units allow (Williams, Waterman and
 * Patterson 2009). A point shows its figures in a line above the plot while it is pointed at; no script is needed.
 */
import { scaleLog } from "d3-scale";
import { coordinate, figure, legend, type Plot, type Size, seriesClass, xAxis, yAxis } from "../src/report/figure.js";
import { type Content, type Markup, markup } from "../src/report/markup.js";
import { marker } from "../src/report/series.js";
import { FAMILIES, FAMILY_LABELS, type Family } from "./families.js";
import type { Ceilings, Measurement } from "./result.js";

/** A row that has a place in the plot. */
interface Point {
  readonly row: Measurement;
  /** FLOPs a byte. */
  readonly intensity: number;
  readonly gflops: number;
}

const HEIGHT = 480;
const AREA = 40;

export const STYLE_OF_POINTS = `
.roof { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.mark .point { opacity: 0.85; }
.mark .label { display: none; fill: var(--ink); }
.mark:hover .label { display: inline; }
.mark:hover .point { opacity: 1; stroke: var(--ink); }
.plot:has(.mark:hover) .hint { display: none; }
`;

function pointOf(row: Measurement): Point[] {
  const { flops, bytes, gflops } = row;
  return flops && bytes && gflops ? [{ row, intensity: flops / bytes, gflops }] : [];
}

/** Families in the order of the legend, of those that have points. */
const familiesOf = (points: readonly Point[]): Family[] =>
  FAMILIES.filter((family) => points.some(({ row }) => row.family === family));

const seriesOf = (family: Family): number => FAMILIES.indexOf(family);

/** Nothing where no row has both FLOPs and bytes. */
export function rooflineFigure(rows: readonly Measurement[], ceilings: Ceilings): Markup | null {
  const points = rows.flatMap(pointOf);
  if (points.length === 0) return null;
  const { arithmetic, bandwidth } = ceilings;
  return figure({
    id: "roofline",
    title: "What kernels reach, under what the device allows",
    description: `${points.length} kernels by FLOPs a byte and GFLOP/s, under a roof of ${round(bandwidth)} GB/s of copying and ${round(arithmetic)} GFLOP/s of multiply-adds. The tables have the same figures.`,
    height: HEIGHT,
    legend: legend(familiesOf(points).map((family) => ({ label: FAMILY_LABELS[family], sample: glyph(family) }))),
    draw: (size) => draw(points, ceilings, size),
  });
}

const glyph = (family: Family): Markup =>
  markup`<g class="${seriesClass(seriesOf(family))}"><path class="point" d="${marker(seriesOf(family), AREA)}"/></g>`;

const round = (value: number): string => Number(value.toPrecision(3)).toLocaleString("en-US", { useGrouping: false });

/** From below the least to above the most of the values, which are drawn as factors. */
const around = (values: readonly number[], margin: number): [number, number] => [
  Math.min(...values) / margin,
  Math.max(...values) * margin,
];

const powersOfTen = ([low, high]: readonly [number, number]): number[] => {
  const first = Math.ceil(Math.log10(low));
  return Array.from({ length: Math.floor(Math.log10(high)) - first + 1 }, (_, index) => 10 ** (first + index));
};

function draw(points: readonly Point[], { arithmetic, bandwidth }: Ceilings, { width, wide }: Size): Content {
  const plot: Plot = { left: wide ? 60 : 44, right: width - 16, top: 44, bottom: HEIGHT - 52 };
  const ridge = arithmetic / bandwidth;
  const intensities = around([...points.map(({ intensity }) => intensity), ridge / 4, ridge * 4], 1.5);
  const rates = around([...points.map(({ gflops }) => gflops), arithmetic], 2);
  const x = scaleLog(intensities, [plot.left, plot.right]);
  const y = scaleLog(rates, [plot.bottom, plot.top]);
  const roof = [intensities[0], ridge, intensities[1]].map((at) => [x(at), y(Math.min(arithmetic, at * bandwidth))]);
  // Where the slope leaves the plot below, it begins at the edge.
  const start = Math.max(intensities[0], rates[0] / bandwidth);
  roof[0] = [x(start), y(start * bandwidth)];
  const places = points.map(({ intensity, gflops }): Corner => [x(intensity), y(gflops)]);
  const [slope, flat] = [roof.slice(0, 2), roof.slice(1)].map((line) => clearest(alongLine(line, 7), places));
  const ticks = (values: readonly number[], scale: (value: number) => number) =>
    values.map((value) => ({ at: scale(value), label: round(value) }));
  return markup`${yAxis(plot, ticks(powersOfTen(rates), y))}${xAxis(plot, ticks(powersOfTen(intensities), x), "FLOPs a byte")}
<text x="${plot.left}" y="${plot.top - 26}">GFLOP/s</text>
<path class="roof" d="M${roof.map((at) => at.map(coordinate).join(" ")).join("L")}"/>
<text text-anchor="middle" transform="translate(${flat.map(coordinate).join(" ")})" dy="-8">${round(arithmetic)} GFLOP/s</text>
<text text-anchor="middle" transform="translate(${slope.map(coordinate).join(" ")}) rotate(${slopeAngle(roof)})" dy="-8">${round(bandwidth)} GB/s</text>
<g class="plot">${wide && markup`<text class="hint" x="${plot.right}" y="${plot.top - 26}" text-anchor="end">Point at a kernel for its name</text>`}
${points.map((point) => drawPoint(point, x(point.intensity), y(point.gflops), plot, wide))}</g>
`;
}

type Corner = readonly number[];

/** Where a label may stand on a line, ends left out, the middle first. */
function alongLine([[x0, y0], [x1, y1]]: readonly Corner[], count: number): Corner[] {
  const parts = Array.from({ length: count }, (_, i) => (i + 1) / (count + 1));
  const fromMiddle = (part: number) => Math.abs(part - 0.5);
  parts.sort((a, b) => fromMiddle(a) - fromMiddle(b));
  return parts.map((part) => [x0 + part * (x1 - x0), y0 + part * (y1 - y0)]);
}

/** About half of what a label on the roof is wide: points that are farther away do not touch it. */
const CLEARANCE = 60;

/** The first of the places that no point touches; where each is touched, the one that is farthest from any. */
function clearest(places: readonly Corner[], points: readonly Corner[]): Corner {
  const distance = ([x, y]: Corner) => Math.min(...points.map(([px, py]) => Math.hypot(px - x, py - y)));
  const free = places.find((place) => distance(place) >= CLEARANCE);
  return free ?? [...places].sort((a, b) => distance(b) - distance(a))[0];
}

const slopeAngle = ([[x0, y0], [x1, y1]]: readonly Corner[]): number =>
  coordinate((Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI);

function drawPoint({ row, gflops }: Point, x: number, y: number, plot: Plot, wide: boolean): Markup {
  const series = seriesOf(row.family);
  const label = `${row.name}: ${round(gflops)} GFLOP/s, ${row.percent?.toFixed(0)}%`;
  return markup`<g class="mark ${seriesClass(series)}"><path class="point" d="${marker(series, AREA)}" transform="translate(${coordinate(x)} ${coordinate(y)})"/>${
    wide
      ? markup`<text class="label" x="${plot.right}" y="${plot.top - 26}" text-anchor="end">${label}</text>`
      : markup`<title>${label}</title>`
  }</g>
`;
}

import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import {
  coordinate,
  figure,
  type LegendEntry,
  legend,
  type Plot,
  referenceLine,
  referenceSample,
  type Size,
  seriesClass,
  xAxis,
  yAxis,
} from "../figure.js";
import { isMeasured, percent, shortPercent } from "../format.js";
import { groupBy } from "../group.js";
import { methodLabel, runLabel } from "../labels.js";
import { type Content, type Markup, markup } from "../markup.js";
import { marker } from "../series.js";
import type { Evaluation, Report, Run } from "../types.js";

interface Point {
  readonly sparsity: number;
  readonly top1: number;
  readonly label: string;
}

interface Series {
  readonly name: string;
  readonly pruned: readonly Point[];
  readonly finetuned: readonly Point[];
}

/** Top-1 accuracy over sparsity, a line a method; nothing when fewer than two runs were evaluated. */
export function accuracyChart({ runs, dense }: Report): Markup | null {
  const series = seriesByMethod(runs);
  const points = series.flatMap(({ pruned, finetuned }) => [...pruned, ...finetuned]);
  if (series.reduce((count, { pruned }) => count + pruned.length, 0) < 2) return null;
  const reference = isMeasured(dense?.top1) ? dense.top1 : null;
  const hasFinetuned = series.some(({ finetuned }) => finetuned.length > 0);
  const chart = figure({
    id: "accuracy-chart",
    title: "Top-1 accuracy of each method by the share of prunable weights removed",
    description: points.map(({ label, top1 }) => `${label}: ${percent(top1)}`).join("; "),
    height: 380,
    legend: legend(legendEntries(series, reference, hasFinetuned)),
    draw: (size) => drawChart(size, series, reference),
  });
  return markup`<section aria-labelledby="accuracy"><h2 id="accuracy">Accuracy over sparsity</h2>
${chart}</section>
`;
}

function seriesByMethod(runs: readonly Run[]): Series[] {
  return groupBy(runs, methodLabel).map(([name, own]) => ({
    name,
    pruned: pointsOf(own, (run) => run.pruned),
    finetuned: pointsOf(own, (run) => run.finetuned, ", finetuned"),
  }));
}

function pointsOf(runs: readonly Run[], evaluation: (run: Run) => Evaluation | null, suffix = ""): Point[] {
  return runs
    .flatMap((run) => {
      const { sparsity } = run;
      const top1 = evaluation(run)?.top1;
      return isMeasured(sparsity) && isMeasured(top1) ? [{ sparsity, top1, label: `${runLabel(run)}${suffix}` }] : [];
    })
    .sort((a, b) => a.sparsity - b.sparsity);
}

function legendEntries(series: readonly Series[], reference: number | null, hasFinetuned: boolean): LegendEntry[] {
  const entries: LegendEntry[] = series.map(({ name }, index) => ({
    label: name,
    sample: markup`<g class="${seriesClass(index)}"><line class="curve" x1="-11" x2="11"/><path class="point" d="${marker(index, 64)}"/></g>`,
  }));
  if (hasFinetuned) {
    entries.push({ label: "after finetuning", sample: markup`<path class="point hollow" d="${marker(0, 64)}"/>` });
  }
  if (reference !== null) {
    entries.push({ label: `dense, ${percent(reference)}`, sample: referenceSample });
  }
  return entries;
}

function drawChart({ width, height }: Size, series: readonly Series[], reference: number | null): Content {
  const plot: Plot = { left: 52, right: width - 16, top: 12, bottom: height - 48 };
  const points = series.flatMap(({ pruned, finetuned }) => [...pruned, ...finetuned]);
  const sparsities = points.map(({ sparsity }) => sparsity);
  const accuracies = [...points.map(({ top1 }) => top1), ...(reference === null ? [] : [reference])];
  const x = scaleLinear([Math.min(...sparsities) - 0.03, Math.max(...sparsities) + 0.03], [plot.left, plot.right]);
  const y = scaleLinear([Math.min(...accuracies), Math.max(...accuracies) + 0.01], [plot.bottom, plot.top]).nice(6);
  const path = line<Point>(
    (point) => coordinate(x(point.sparsity)),
    (point) => coordinate(y(point.top1)),
  );
  const place = ({ sparsity, top1 }: Point): string => `translate(${coordinate(x(sparsity))} ${coordinate(y(top1))})`;

  const drawSeries = ({ pruned, finetuned }: Series, index: number): Markup => {
    const mark = (point: Point, className: string): Markup =>
      markup`<path class="${className}" d="${marker(index, 80)}" transform="${place(point)}"><title>${point.label}: ${percent(point.top1)}</title></path>`;
    return markup`<g class="${seriesClass(index)}"><path class="curve" d="${path(pruned)}"/>${
      finetuned.length > 1 && markup`<path class="curve dashed" d="${path(finetuned)}"/>`
    }${pruned.map((point) => mark(point, "point"))}${finetuned.map((point) => mark(point, "point hollow"))}</g>
`;
  };
  // Ticks at the sparsities that were run, while they are few; any others would be empty places.
  const distinct = [...new Set(sparsities)];
  const xTicks = (distinct.length <= 6 ? distinct : x.ticks(6)).map((tick) => ({
    at: x(tick),
    label: shortPercent(tick),
  }));
  const yTicks = y.ticks(6).map((tick) => ({ at: y(tick), label: shortPercent(tick) }));
  return [
    yAxis(plot, yTicks),
    xAxis(plot, xTicks, "sparsity"),
    reference !== null && referenceLine(plot, y(reference)),
    series.map(drawSeries),
  ];
}

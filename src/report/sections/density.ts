import { scaleLinear } from "d3-scale";
import {
  coordinate,
  figure,
  legend,
  type Plot,
  referenceLine,
  referenceSample,
  type Size,
  scrollTable,
  seriesClass,
  swatch,
  xAxis,
  yAxis,
} from "../figure.js";
import { integer, percent, shortPercent } from "../format.js";
import { groupBy } from "../group.js";
import { type Content, type Markup, markup, visibleText } from "../markup.js";
import { overallDensity } from "../summary.js";
import type { LayerDensity } from "../types.js";

/** Empty slots between two groups of bars. */
const GAP = 1.2;

/** About what a label needs, in user units a character. */
const CHARACTER_WIDTH = 7;

/** A bar a layer, grouped by block and coloured by kind, with the numbers in a table to unfold. */
export function densityChart(id: string, layers: readonly LayerDensity[]): Markup | null {
  if (layers.length === 0) return null;
  const kinds = [...new Set(layers.map(({ kind }) => kind))];
  const { density, kept, total } = overallDensity(layers);
  const groups = groupBy(layers, ({ group }) => group);
  const overall = `${percent(density, 1)} of ${integer(total)} weights are kept`;
  const chart = figure({
    id,
    title: `Density by layer: ${overall}`,
    description: `${overall} (${integer(kept)}). ${kinds.map((kind) => describeKind(kind, layers)).join("; ")}.`,
    height: 260,
    legend: legend([
      ...kinds.map((kind, index) => ({ label: kind, sample: swatch(seriesClass(index)) })),
      { label: "all layers", sample: referenceSample },
    ]),
    draw: (size) => drawBars(size, groups, kinds, density),
  });
  return markup`${chart}<details><summary>Density of ${integer(layers.length)} layers in numbers</summary>
${layerTable(layers)}</details>
`;
}

function describeKind(kind: string, layers: readonly LayerDensity[]): string {
  return `${kind}: ${percent(overallDensity(layers.filter((layer) => layer.kind === kind)).density, 1)} kept`;
}

function drawBars(
  { width, height }: Size,
  groups: readonly (readonly [string, readonly LayerDensity[]])[],
  kinds: readonly string[],
  overall: number | null,
): Content {
  const plot: Plot = { left: 52, right: width - 8, top: 10, bottom: height - 26 };
  const slots = groups.reduce((sum, [, layers]) => sum + layers.length + GAP, GAP);
  const slot = (plot.right - plot.left) / slots;
  const densest = Math.max(overall ?? 0, ...groups.flatMap(([, layers]) => layers.map(densityOf)));
  const y = scaleLinear([0, densest > 0 ? densest : 1], [plot.bottom, plot.top]).nice(4);
  const shorten = labelShortener(groups.map(([group]) => group));
  const bars: Markup[] = [];
  const labels: { at: number; label: string }[] = [];
  let x = plot.left + GAP * slot;
  for (const [group, layers] of groups) {
    const label = visibleText(shorten(group));
    const groupWidth = (layers.length + GAP) * slot;
    if (label.length * CHARACTER_WIDTH <= groupWidth) labels.push({ at: x + (layers.length * slot) / 2, label });
    layers.forEach((layer, i) => {
      bars.push(drawBar(layer, x + i * slot, slot, y, seriesClass(kinds.indexOf(layer.kind))));
    });
    x += groupWidth;
  }
  const yTicks = y.ticks(4).map((tick) => ({ at: y(tick), label: shortPercent(tick) }));
  return [yAxis(plot, yTicks), bars, xAxis(plot, labels), overall !== null && referenceLine(plot, y(overall))];
}

function drawBar(layer: LayerDensity, x: number, slot: number, y: (density: number) => number, color: string): Markup {
  const density = densityOf(layer);
  const top = coordinate(y(density));
  return markup`<rect class="${color}" x="${coordinate(x + slot * 0.06)}" y="${top}" width="${coordinate(slot * 0.88)}" height="${coordinate(y(0) - top)}"><title>${layer.name}: ${percent(density, 1)} of ${integer(layer.total)} kept</title></rect>
`;
}

function densityOf({ kept, total }: LayerDensity): number {
  return total > 0 ? kept / total : 0;
}

/** `blocks.3` is `3` when all numbered groups are blocks. */
function labelShortener(groups: readonly string[]): (group: string) => string {
  const numbered = /^(.*)\.(\d+)$/;
  const prefixes = new Set(groups.map((group) => numbered.exec(group)?.[1]).filter((prefix) => prefix !== undefined));
  return (group) => (prefixes.size === 1 ? (numbered.exec(group)?.[2] ?? group) : group);
}

function layerTable(layers: readonly LayerDensity[]): Markup {
  const head = markup`<tr><th scope="col">Layer</th><th scope="col">Shape</th><th scope="col" class="number">Weights</th><th scope="col" class="number">Kept</th><th scope="col" class="number">Density</th></tr>`;
  const body = layers.map(
    ({ name, shape, total, kept }) =>
      markup`<tr><th scope="row">${name}</th><td>${shape.join(" × ")}</td><td class="number">${integer(total)}</td><td class="number">${integer(kept)}</td><td class="number">${percent(total > 0 ? kept / total : null)}</td></tr>
`,
  );
  return scrollTable("log", "Density by layer", head, body);
}

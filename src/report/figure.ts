import { type Content, type Markup, markup } from "./markup.js";

const WIDTHS = { wide: 800, narrow: 360 } as const;

type Format = keyof typeof WIDTHS;

/** Drawing area in user units; about one CSS pixel each on the screens it is meant for. */
export interface Size {
  readonly width: number;
  readonly height: number;
  /** Whether there is room for detail. */
  readonly wide: boolean;
}

export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Figure {
  /** Unique in the document. */
  readonly id: string;
  readonly title: string;
  /** What the picture shows, for those who cannot see it. */
  readonly description: string;
  readonly height: number;
  /** One size where the figure is about as wide on every screen. */
  readonly sizes?: readonly Format[];
  readonly legend?: Content;
  readonly draw: (size: Size) => Content;
}

/**
 * A captioned picture, drawn once for wide and once for narrow screens so that its text keeps its size; the style
 * sheet shows one of the two.
 */
export function figure({ id, title, description, height, sizes = ["wide", "narrow"], legend, draw }: Figure): Markup {
  const picture = (format: Format): Markup => {
    const size = { width: WIDTHS[format], height, wide: format === "wide" };
    const [titleId, descriptionId] = [`${id}-${format}-title`, `${id}-${format}-desc`];
    return markup`<svg class="${sizes.length > 1 && format}" viewBox="0 0 ${size.width} ${height}" role="img" aria-labelledby="${titleId} ${descriptionId}">
<title id="${titleId}">${title}</title><desc id="${descriptionId}">${description}</desc>
${draw(size)}</svg>
`;
  };
  return markup`<figure><figcaption>${title}</figcaption>${legend}
${sizes.map(picture)}</figure>
`;
}

export interface LegendEntry {
  readonly label: string;
  /** SVG content around the middle of a 22 by 14 box. */
  readonly sample: Content;
}

export function legend(entries: readonly LegendEntry[]): Markup {
  const item = ({ label, sample }: LegendEntry): Markup =>
    markup`<li><svg viewBox="-11 -7 22 14" aria-hidden="true">${sample}</svg>${label}</li>`;
  return markup`<ul class="legend">${entries.map(item)}</ul>`;
}

/** A filled square for a legend. */
export function swatch(className: string): Markup {
  return markup`<rect class="${className}" x="-6" y="-6" width="12" height="12" rx="2"/>`;
}

/** Colour class of the n-th series; the style sheet has eight that colour-blind readers can tell apart. */
export function seriesClass(index: number): string {
  return `series-${index % 8}`;
}

/** Coordinates with a hundredth of a unit are exact enough, and short. */
export function coordinate(value: number): number {
  return Number(value.toFixed(2));
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** A dashed line across the plot, and how a legend shows it. */
export function referenceLine({ left, right }: Plot, at: number): Markup {
  const y = coordinate(at);
  return markup`<line class="reference" x1="${left}" x2="${right}" y1="${y}" y2="${y}"/>`;
}
export const referenceSample = markup`<line class="reference" x1="-11" x2="11"/>`;

/** Horizontal grid lines with their labels, left of the plot. */
export function yAxis(plot: Plot, ticks: readonly Tick[]): Markup {
  return markup`<g class="axis">${ticks.map(({ at, label }) => {
    const y = coordinate(at);
    return markup`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y}" y2="${y}"/><text x="${plot.left - 8}" y="${y}" dy="0.32em" text-anchor="end">${label}</text>`;
  })}</g>
`;
}

/** The base line with labels and, where wanted, a title below. */
export function xAxis(plot: Plot, ticks: readonly Tick[], title = ""): Markup {
  const labels = ticks.map(
    ({ at, label }) => markup`<text x="${coordinate(at)}" y="${plot.bottom + 18}" text-anchor="middle">${label}</text>`,
  );
  const middle = (plot.left + plot.right) / 2;
  return markup`<g class="axis"><line class="base" x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}"/>${labels}${
    title !== "" &&
    markup`<text class="axis-title" x="${middle}" y="${plot.bottom + 38}" text-anchor="middle">${title}</text>`
  }</g>
`;
}

/** A table in a box of its own, which scrolls when the page is narrower than the table, and when a `log` is long. */
export function scrollTable(kind: "summary" | "log", label: string, head: Content, body: Content): Markup {
  return markup`<div class="scroll ${kind}" role="region" aria-label="${label}" tabindex="0"><table>
<thead>${head}</thead>
<tbody>
${body}</tbody>
</table></div>
`;
}

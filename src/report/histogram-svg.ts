/** Score histograms as a picture by itself, for pages that are no report. */
import type { LegendEntry } from "./figure.js";
import { axisTitle, describe, drawHistogram, scoreLegend } from "./histogram-plot.js";
import { type Content, Markup, markup } from "./markup.js";
import { PICTURE_STYLE } from "./style.js";
import type { Histogram } from "./types.js";

/** What a picture of its own shows. */
export interface HistogramPicture {
  readonly title: string;
  /** Under the title: of what the scores are. */
  readonly note: string;
  /** The first one is drawn large and the others small beneath it, two in a row. */
  readonly histograms: readonly Histogram[];
}

const WIDTH = 800;
const TOP = 84;
const LARGE = 280;
const SMALL = { width: WIDTH / 2, height: 160, gap: 34 };

/** A picture that follows the viewer's light or dark scheme. Equal input gives equal bytes. */
export function histogramSvg({ title, note, histograms: [main, ...others] }: HistogramPicture): string {
  const rows = Math.ceil(others.length / 2);
  const height = TOP + LARGE + rows * (SMALL.height + SMALL.gap) + 10;
  const small = others.map((histogram, i): Content => {
    const left = (i % 2) * SMALL.width;
    const top = TOP + LARGE + Math.floor(i / 2) * (SMALL.height + SMALL.gap) + SMALL.gap;
    return markup`<text class="caption" x="${left + 16}" y="${top - 6}">${histogram.label}</text>${panel(histogram, { left, top, ...SMALL })}`;
  });
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
<title id="title">${title}</title><desc id="description">${note}. ${describe(main)}</desc>
<style>${Markup.trusted(PICTURE_STYLE)}</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>
<text class="heading" x="16" y="27">${title}</text><text x="16" y="47">${note}</text>
${legendRow(scoreLegend(main))}
${panel(main, { left: 0, top: TOP, width: WIDTH, height: LARGE })}${small}</svg>
`.toString();
}

interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function panel(histogram: Histogram, { left, top, width, height }: Place): Markup {
  const wide = width === WIDTH;
  const content = drawHistogram({ width, height, wide }, histogram, { title: wide ? axisTitle(histogram) : "" });
  return markup`<g transform="translate(${left} ${top})">
${content}</g>
`;
}

/** About what a character of a label is wide, as nothing here can measure text. */
const CHARACTER = 6.4;

function legendRow(entries: readonly LegendEntry[]): Markup {
  let left = 16;
  const items = entries.map(({ label, sample }): Markup => {
    const mark = left + 6;
    left = mark + 14 + label.length * CHARACTER + 22;
    return markup`<g transform="translate(${mark} 65)">${sample}</g><text x="${mark + 14}" y="69">${label}</text>`;
  });
  return markup`${items}`;
}

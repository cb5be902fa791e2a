/** The bars of a histogram. */
import type { ScaleLinear } from "d3-scale";
import { coordinate } from "./figure.js";
import { integer, percent, siPrefix } from "./format.js";
import { type Markup, markup } from "./markup.js";
import type { Histogram, Tally } from "./types.js";

export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly tally: Tally;
  readonly label: string;
}

const OUTSIDE = { width: 20, pitch: 34 };

/** Between the middles of bars that have their counts above them: about what `2.46 M` is wide. */
const COUNT_PITCH = 46;

/** Scores that have no bin, such as zeros, stand left of the axis; those above `limit` will be broken. */
export function outsideBars({ zeros, below, infinite, nan }: Histogram, left: number, limit: number): Bar[] {
  const present = [
    { label: "0", tally: zeros },
    { label: "less", tally: below },
    { label: "inf", tally: infinite },
    { label: "nan", tally: nan },
  ].filter(({ tally }) => tally.count > 0);
  const pitch = present.some(({ tally }) => tally.count > limit) ? COUNT_PITCH : OUTSIDE.pitch;
  return present.map((bar, i) => ({ ...bar, from: left + i * pitch, to: left + i * pitch + OUTSIDE.width }));
}

/** A bar that ends above the scale is broken below its top, and has its count above it. `tips` says counts when pointed at. */
export function drawBar(bar: Bar, y: ScaleLinear<number, number>, tips: boolean): Markup | null {
  const { tally, label } = bar;
  if (tally.count === 0) return null;
  const shape = tally.count > y.domain()[1] ? brokenBar(bar, y) : stack(bar, y, { low: 0, high: tally.count });
  if (!tips) return shape;
  return markup`<g><title>${label}: ${integer(tally.count)}, ${percent(tally.pruned / tally.count, 1)} pruned</title>${shape}</g>
`;
}

interface Part {
  readonly low: number;
  readonly high: number;
  /** By how many scores it stands lower than it would in the whole bar. */
  readonly lowered?: number;
}

/** A part of a bar: pruned scores lie under kept ones. */
function stack({ from, to, tally }: Bar, y: (count: number) => number, { low, high, lowered = 0 }: Part): Markup {
  const gap = Math.min(1, (to - from) * 0.1);
  const rect = (className: string, first: number, last: number): Markup | false => {
    const [bottom, top] = [y(first - lowered), y(last - lowered)];
    return (
      last > first &&
      markup`<rect class="${className}" x="${coordinate(from + gap / 2)}" y="${coordinate(top)}" width="${coordinate(to - from - gap)}" height="${coordinate(bottom - top)}"/>`
    );
  };
  return markup`${rect("pruned-bar", low, Math.min(high, tally.pruned))}${rect("kept-bar", Math.max(low, tally.pruned), high)}`;
}

/** How far under the top of the plot a bar is broken, and how wide open the break is. */
const BREAK = { from: 8, to: 20 };

/** Both ends of the bar are to scale, and what does not fit is taken out between them. */
function brokenBar(bar: Bar, y: ScaleLinear<number, number>): Markup {
  const { from, to, tally } = bar;
  const limit = y.domain()[1];
  const top = y(limit);
  const lowered = tally.count - limit;
  const foot = stack(bar, y, { low: 0, high: y.invert(top + BREAK.to) });
  const head = stack(bar, y, { low: y.invert(top + BREAK.from) + lowered, high: tally.count, lowered });
  const stroke = (middle: number): Markup =>
    markup`<line class="base" x1="${from - 4}" x2="${to + 4}" y1="${middle + 3}" y2="${middle - 3}"/>`;
  const middle = top + (BREAK.from + BREAK.to) / 2;
  return markup`${foot}${head}${stroke(middle - 2)}${stroke(middle + 2)}<text x="${(from + to) / 2}" y="${top - 4}" text-anchor="middle">${siPrefix(tally.count)}</text>`;
}

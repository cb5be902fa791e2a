/** A bench's figures as one HTML file without scripts that loads nothing, in the style of the reports. */

import { scrollTable } from "../src/report/figure.js";
import { DASH } from "../src/report/format.js";
import { type Markup, markup } from "../src/report/markup.js";
import { renderPage } from "../src/report/page.js";
import { STYLE } from "../src/report/style.js";
import { COLUMNS, type Column, LIMIT } from "./columns.js";
import { FAMILIES, FAMILY_LABELS, type Family } from "./families.js";
import { figureText } from "./figures.js";
import type { BenchResult, Measurement } from "./result.js";
import { rooflineFigure, STYLE_OF_POINTS } from "./roofline.js";

const STYLE_OF_PAGE = `${STYLE}${STYLE_OF_POINTS}
main, footer { max-width: 72rem; }
h2::first-letter { text-transform: uppercase; }
/* All rows; a shade at the right says that there are columns left to scroll to. */
.log {
  max-height: none;
  background: linear-gradient(to left, var(--surface) 1rem, transparent) right / 2rem 100% no-repeat local, linear-gradient(to left, var(--rule), transparent) right / 0.75rem 100% no-repeat scroll, var(--surface);
}
th, td { padding-inline: 0.5rem; }
thead th.number { width: 4.25rem; }
tbody th { max-width: 26rem; white-space: normal; }
.bar { display: block; height: 4px; margin-top: 4px; border-radius: 2px; background: linear-gradient(to right, var(--kept) var(--part), var(--grid) var(--part)); }
`;

/** Names may hold anything; they are escaped. Equal results give equal bytes. */
export function renderBench(result: BenchResult): string {
  const { adapter, rows, ceilings, versions, complete, date } = result;
  const steps = rows.filter(({ family }) => family === "step");
  const kernels = rows.filter(({ family }) => family !== "step");
  const families = FAMILIES.filter((family) => kernels.some((row) => row.family === family));
  return renderPage({
    kind: "Secateur bench",
    headline: adapter.description,
    outcome: `${figureText(ceilings.arithmetic)} GFLOP/s of multiply-adds, ${figureText(ceilings.bandwidth)} GB/s of copying`,
    title: `Secateur on ${adapter.description}`,
    style: STYLE_OF_PAGE,
    body: markup`${!complete && markup`<aside class="warnings"><h2>Not complete</h2><p>The bench was interrupted or still runs: ${rows.length} ${rows.length === 1 ? "row is" : "rows are"} here.</p></aside>\n`}<section aria-label="Roofline">${rooflineFigure(kernels, ceilings)}
<p class="note">Limit: the time that the roof allows, over the time taken. What lies in caches may pass the roof, which was measured with buffers that no cache holds; so may masked products, of which all operations of the dense one count.</p></section>
${steps.length > 0 && section("steps", FAMILY_LABELS.step, steps)}${families.map((family) =>
  section(
    family,
    FAMILY_LABELS[family],
    kernels.filter((row) => row.family === family),
  ),
)}${omissions(result)}${colophon(result)}`,
    footer: `Made by secateur ${versions.secateur}, ${date.slice(0, 10)}`,
  });
}

function cell(column: Column, row: Measurement): Markup {
  const { percent } = row;
  const share = column === LIMIT && percent !== null && `${Math.min(100, percent).toFixed(0)}%`;
  const bar = share && markup`<span class="bar" style="--part:${share}"></span>`;
  return markup`<td class="number">${column.text(row) || DASH}${bar}</td>`;
}

function section(id: Family | "steps", title: string, rows: readonly Measurement[]): Markup {
  const head = markup`<tr><th scope="col">row</th>${COLUMNS.map(
    ({ title, what }) => markup`<th scope="col" class="number" title="${what}">${title}</th>`,
  )}</tr>`;
  const body = rows.map(
    (row) => markup`<tr><th scope="row">${row.name.replace(/^step: /, "")}</th>${COLUMNS.map((column) =>
      cell(column, row),
    )}</tr>
`,
  );
  return markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
${scrollTable("log", title, head, body)}</section>
`;
}

function omissions({ omitted }: BenchResult): Markup | null {
  if (omitted.length === 0) return null;
  return markup`<section><details><summary>${omitted.length} ${omitted.length === 1 ? "row was" : "rows were"} left out</summary><ul>${omitted.map(
    ({ name, reason, failed }) => markup`<li>${name}: ${failed && "failed, "}${reason}</li>`,
  )}</ul></details></section>
`;
}

function colophon({ date, host, adapter, versions, tuning, fallback }: BenchResult): Markup {
  const entries = {
    date,
    adapter: adapter.description,
    kind: adapter.kind,
    host: `${host.processor}, ${host.cores} cores`,
    secateur: versions.secateur,
    node: versions.node,
    dawn: versions.dawn,
    "tuned products": tuning && Object.keys(tuning).length,
    ...(fallback !== null && { "in place of wrong kernels": fallback }),
  };
  return markup`<section aria-labelledby="made"><h2 id="made">How it was made</h2>
<div class="card"><dl>${Object.entries(entries).map(
    ([name, value]) => markup`<div><dt>${name}</dt><dd>${value ?? DASH}</dd></div>`,
  )}</dl></div>
<p class="note">Kernels and passes are recorded once and replayed, rounds run as they are; a sample is the mean of several runs in a row, unless one takes long. Times are of the wall clock until the device is done.</p></section>
`;
}

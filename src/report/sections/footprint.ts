import { scrollTable } from "../figure.js";
import { decimal, integer, percent, rate, siPrefix } from "../format.js";
import { runLabel } from "../labels.js";
import { type Markup, markup } from "../markup.js";
import type { Footprint, Measure, Report } from "../types.js";

interface Row {
  readonly heading: readonly [string, string];
  readonly footprint: Footprint;
  /** What small figures compare with. */
  readonly dense: Footprint | null;
}

/** Size and speed of the models that were cut, beside the dense one measured with each. */
export function footprintTable({ runs, model }: Report): Markup | null {
  const cut = runs.flatMap((run) => (run.compacted ? [{ run, compacted: run.compacted }] : []));
  if (cut.length === 0) return null;
  const rows = cut.flatMap(({ run, compacted: { dense, compact } }): Row[] => [
    { heading: ["Dense", model.name], footprint: dense, dense: null },
    { heading: ["Compact", runLabel(run)], footprint: compact, dense },
  ]);
  const [
    {
      compacted: { batch },
    },
  ] = cut;
  const head = markup`<tr><th scope="col">Model</th>${["Parameters", "FLOPs", "Bytes", "Images a second"].map(
    (name) => markup`<th scope="col" class="number">${name}</th>`,
  )}</tr>`;
  return markup`<section aria-labelledby="footprint"><h2 id="footprint">Size and speed</h2>
${scrollTable("summary", "Size and speed", head, rows.map(footprintRow))}
<p class="note">What was pruned is cut out; the compact model computes the same. Small figures: percent of dense, and times its speed. Speed in batches of ${integer(batch)}, the fastest of several passes, in turns.</p>
</section>
`;
}

function footprintRow({ heading, footprint, dense }: Row): Markup {
  const { parameters, flops, bytes, imagesPerSecond } = footprint;
  const share = (of: Measure | undefined, value: Measure) =>
    dense && of && value !== null ? markup`<small>${percent(value / of, 1)}</small>` : null;
  const faster = dense?.imagesPerSecond && imagesPerSecond !== null && imagesPerSecond / dense.imagesPerSecond;
  return markup`<tr><th scope="row">${heading[0]}<small>${heading[1]}</small></th>
<td class="number">${integer(parameters)}${share(dense?.parameters, parameters)}</td>
<td class="number">${siPrefix(flops)}${share(dense?.flops, flops)}</td>
<td class="number">${integer(bytes)}${share(dense?.bytes, bytes)}</td>
<td class="number">${rate(imagesPerSecond)}${faster ? markup`<small>${decimal(faster, 2)} x</small>` : null}</td></tr>
`;
}

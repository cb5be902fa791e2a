import { scrollTable } from "../figure.js";
import { integer, percent } from "../format.js";
import { runLabel } from "../labels.js";
import { type Markup, markup } from "../markup.js";
import type { Measure, Report } from "../types.js";

/** What the networks of runs are worth at each depth that they may end at. */
export function depthsTable({ runs, model }: Report): Markup | null {
  const deep = runs.filter(({ depths }) => depths.length > 0);
  if (deep.length === 0) return null;
  const head = markup`<tr><th scope="col">Ends after</th>${["Top-1", "Parameters"].map(
    (name) => markup`<th scope="col" class="number">${name}</th>`,
  )}</tr>`;
  const rows = deep.flatMap((run) =>
    run.depths.map(
      ({ depth, parameters, top1 }) => markup`<tr><th scope="row">${blocks(depth)}<small>${runLabel(run)}</small></th>
<td class="number">${percent(top1)}</td><td class="number">${integer(parameters)}${share(parameters, model.parameters)}</td></tr>
`,
    ),
  );
  return markup`<section aria-labelledby="depths"><h2 id="depths">Depths</h2>
${scrollTable("summary", "Depths", head, rows)}
<p class="note">The network may end at a classifier behind each of these blocks; <code>secateur compact --depth</code> ends it there. Small figures: percent of dense. Only weights that are not masked count.</p>
</section>
`;
}

const blocks = (depth: number): string => (depth === 1 ? "1 block" : `${integer(depth)} blocks`);

const share = (part: Measure, whole: Measure): Markup | null =>
  part !== null && whole ? markup`<small>${percent(part / whole, 1)}</small>` : null;

import { scrollTable } from "../figure.js";
import { decimal, integer, percent, points, siPrefix } from "../format.js";
import { runLabel } from "../labels.js";
import { type Markup, markup } from "../markup.js";
import type { Evaluation, Measure, Report, Run } from "../types.js";

interface Row {
  /** What tells the row from the others, and what is less so. */
  readonly heading: readonly [string, string];
  readonly evaluation: Evaluation | null;
  readonly parameters: Measure;
  readonly flops: Measure;
}

/** Accuracy, loss and cost of the dense model and of each run, pruned and finetuned. */
export function resultsTable({ model, dense, runs, data }: Report): Markup {
  const { parameters, flops } = model;
  const denseRow: Row = { heading: ["Dense", model.name], evaluation: dense, parameters, flops };
  const rows = [denseRow, ...runs.flatMap((run) => runRows(run, runs.length > 1))];
  const head = markup`<tr><th scope="col">Model</th>${["Top-1", "Top-5", "Loss", "Parameters", "FLOPs"].map(
    (name) => markup`<th scope="col" class="number">${name}</th>`,
  )}</tr>`;
  const body = rows.map((row) => resultRow(row, denseRow));
  const examples =
    data.evaluation && markup`Measured on ${integer(data.evaluation.examples)} images of ${data.evaluation.name}. `;
  return markup`<section aria-labelledby="results"><h2 id="results">Results</h2>
${scrollTable("summary", "Results", head, body)}
<p class="note">${examples}Small figures: top-1 in points against dense, parameters and FLOPs in percent of dense. Only weights that are not masked count; FLOPs are per image, two for each multiply-accumulate.</p>
</section>
`;
}

function runRows(run: Run, oneOfMany: boolean): Row[] {
  const { parameters, flops, pruned, finetuned } = run;
  const row = (stage: string, evaluation: Evaluation | null): Row => {
    const heading = oneOfMany ? ([runLabel(run), stage.toLowerCase()] as const) : ([stage, runLabel(run)] as const);
    return { heading, evaluation, parameters, flops };
  };
  return finetuned ? [row("Pruned", pruned), row("Finetuned", finetuned)] : [row("Pruned", pruned)];
}

function resultRow(row: Row, dense: Row): Markup {
  const { heading, evaluation, parameters, flops } = row;
  const top1 = evaluation?.top1;
  const compared = (figure: string, comparison: Measure, print: (value: Measure) => string): Markup =>
    markup`<td class="number">${figure}${row !== dense && comparison !== null && markup`<small>${print(comparison)}</small>`}</td>`;
  return markup`<tr><th scope="row">${heading[0]}<small>${heading[1]}</small></th>
${compared(percent(top1), difference(top1, dense.evaluation?.top1), points)}
<td class="number">${percent(evaluation?.top5)}</td><td class="number">${decimal(evaluation?.loss)}</td>
${compared(integer(parameters), ratio(parameters, dense.parameters), (share) => percent(share, 1))}
${compared(siPrefix(flops), ratio(flops, dense.flops), (share) => percent(share, 1))}</tr>
`;
}

function difference(value: Measure | undefined, base: Measure | undefined): Measure {
  const result = (value ?? NaN) - (base ?? NaN);
  return Number.isFinite(result) ? result : null;
}

function ratio(value: Measure, base: Measure): Measure {
  const result = (value ?? NaN) / (base ?? NaN);
  return Number.isFinite(result) ? result : null;
}

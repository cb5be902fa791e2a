import { percent, shortPercent } from "../format.js";
import { finalEvaluation, headlineRun, methodLabel, runLabel } from "../labels.js";
import { type Markup, markup } from "../markup.js";
import type { Run } from "../types.js";
import { densityChart } from "./density.js";
import { roundsTable } from "./rounds.js";
import { scoreCharts } from "./scores.js";

/** Density, scores and rounds: of the only run, or of each run to unfold with the headline's open. */
export function runSections(runs: readonly Run[]): Markup | null {
  if (runs.length === 0) return null;
  if (runs.length === 1) {
    return markup`<section aria-labelledby="masks"><h2 id="masks">What ${methodLabel(runs[0])} removed</h2>
${runBody(runs[0], 0)}</section>
`;
  }
  const first = headlineRun(runs);
  return markup`<section aria-labelledby="masks"><h2 id="masks">What each run removed</h2>
${runs.map((run, index) => foldedRun(run, index, run === first))}</section>
`;
}

function foldedRun(run: Run, index: number, open: boolean): Markup {
  const accuracy = finalEvaluation(run)?.top1;
  return markup`<details class="run"${open && markup` open`}><summary>${runLabel(run)} <small>${percent(accuracy)} top-1${run.finetuned && " after finetuning"}</small></summary>
${runBody(run, index)}</details>
`;
}

function runBody(run: Run, index: number): Markup {
  const parts = [
    densityChart(`density-${index}`, run.layers),
    scoreCharts(`scores-${index}`, run.histograms),
    roundsTable(run.rounds),
  ];
  if (parts.some((part) => part !== null)) return markup`${parts}`;
  return markup`<p class="note">Nothing was recorded of this run but its target, ${shortPercent(run.sparsity)} sparsity.</p>`;
}

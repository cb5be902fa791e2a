import { integer, isMeasured, percent, shortPercent } from "./format.js";
import { removedPart } from "./summary.js";
import type { Evaluation, Measure, Report, Run } from "./types.js";

/** `taylor`, or `px by snip` where the method ranks by a criterion of another name. */
export function methodLabel({ method, criterion }: Run): string {
  return criterion === method || !criterion ? method : `${method} by ${criterion}`;
}

export function runLabel(run: Run): string {
  return `${methodLabel(run)} at ${shortPercent(run.sparsity)}`;
}

/** The evaluation of what a run ended with. */
export function finalEvaluation(run: Run): Evaluation | null {
  return run.finetuned ?? run.pruned ?? null;
}

/** The sparsest run, and of several the most accurate one. */
export function headlineRun(runs: readonly Run[]): Run | undefined {
  const orLowest = (value: Measure | undefined): number => (isMeasured(value) ? value : -1);
  const accuracy = (run: Run): number => orLowest(finalEvaluation(run)?.top1);
  return [...runs].sort((a, b) => orLowest(b.sparsity) - orLowest(a.sparsity) || accuracy(b) - accuracy(a))[0];
}

export interface Headline {
  readonly claim: string;
  /** What became of the accuracy; `null` where nothing was evaluated. */
  readonly outcome: string | null;
}

/** The result of a report in one sentence of two parts. */
export function headline({ model, dense, runs, settings }: Report): Headline {
  const run = headlineRun(runs);
  if (!run) return { claim: `${model.name} has ${integer(model.parameters)} parameters, none pruned`, outcome: null };
  // Rounds count units; 30% of the neurons are another part of the weights.
  const what = run.rounds.length > 0 && settings.granularity !== "weight" ? "units" : "weights";
  const claim = `${methodLabel(run)} removes ${shortPercent(removedPart(run))} of the prunable ${what} of ${model.name}`;
  const last = finalEvaluation(run);
  if (!last) return { claim, outcome: null };
  const stage = run.finetuned ? " after finetuning" : "";
  const before = isMeasured(dense?.top1) ? `, ${percent(dense.top1)} dense` : "";
  return { claim, outcome: `${percent(last.top1)} top-1${stage}${before}` };
}

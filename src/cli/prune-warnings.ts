/** What a user should know of a pruning that went through: how it was measured, what it left, and whether the method was used as it is meant. */
import type { Checkpoint } from "../io/checkpoint.js";
import type { Dataset } from "../io/dataset.js";
import { isStatistic } from "../io/parameters.js";
import { type PruneResult, px } from "../prune/index.js";
import { integer, shortPercent } from "../report/format.js";
import { type Evaluation, type Run, removedPart } from "../report/index.js";
import type { PruneArguments } from "./prune-arguments.js";
import { classWarnings, logitWarnings, scoreWarnings } from "./warnings.js";

export interface PrunedRun {
  readonly checkpoint: Pick<Checkpoint, "weights">;
  readonly evaluation: Dataset | undefined;
  readonly dense: Evaluation | null;
  readonly run: Run;
  readonly result: Pick<PruneResult, "scores" | "rounds">;
}

/** All of them, the gravest last, where a terminal shows them longest. */
export const pruneWarnings = (options: PruneArguments, pruned: PrunedRun): string[] => [
  ...measurementWarnings(options, pruned),
  ...methodWarnings(options, pruned.checkpoint),
  ...partWarnings(options, pruned),
  ...emptinessWarnings(options, pruned.run),
];

function measurementWarnings(
  { data, train, rewindStep }: PruneArguments,
  { evaluation, dense, run: { pruned, histograms } }: PrunedRun,
): string[] {
  const warnings: string[] = [];
  if (!evaluation) warnings.push("Accuracy was not measured: there were neither evaluation nor calibration data.");
  else if (data === undefined) {
    warnings.push("Accuracy was measured on the calibration images; --data measures it on others.");
  }
  if (train !== undefined) {
    const when = rewindStep === 0 ? "before training" : `of step ${rewindStep} of the first training`;
    warnings.push(`The weights that stay are those ${when}; \`secateur finetune --masks\` trains them.`);
  }
  return [
    ...warnings,
    ...(evaluation ? classWarnings(evaluation) : []),
    ...logitWarnings("dense model", dense?.nonFinite),
    ...logitWarnings("pruned model", pruned?.nonFinite),
    ...scoreWarnings(histograms[0].nan.count),
  ];
}

/** Of a method that is used otherwise than it is meant. */
export function methodWarnings(
  { method: { name, saliency }, rounds, reference }: Pick<PruneArguments, "method" | "rounds" | "reference">,
  { weights }: Pick<Checkpoint, "weights">,
): string[] {
  const warnings: string[] = [];
  if (rounds === 1 && saliency.manyRounds) {
    warnings.push(`${name} is meant for many rounds; --rounds 100 scores anew between them.`);
  }
  if (reference && saliency.name === px.name && [...weights.keys()].some(isStatistic)) {
    warnings.push(
      `Behind batch norm the scores of ${name} --reference are rounding errors, and which weights stay is chance; leave --reference out (docs/criteria/px.md tells why).`,
    );
  }
  return warnings;
}

/** Of a kept part that is another than the one asked for, by a unit or more. */
export function partWarnings(
  options: Pick<PruneArguments, "reference" | "multipleOf" | "scope">,
  { run, result }: Pick<PrunedRun, "run" | "result">,
): string[] {
  const { sparsity, rounds } = run;
  const { kept, total } = rounds.at(-1)!;
  const asked = (1 - sparsity) * total;
  if (removedPart(run) === sparsity || Math.abs(asked - kept) < 1) return [];
  const count = (units: number) => `${integer(units)} (${shortPercent(units / total)})`;
  const cause = causeOf(options, result);
  return [`Asked to keep ${count(asked)} of ${integer(total)} units, kept ${count(kept)}${cause && `: ${cause}`}.`];
}

function causeOf(
  { reference, multipleOf, scope }: Pick<PruneArguments, "reference" | "multipleOf" | "scope">,
  { scores, rounds }: PrunedRun["result"],
): string {
  if (multipleOf !== undefined) return `each layer keeps a multiple of ${integer(multipleOf)}`;
  if (!reference) return scope === "global" ? "" : `each ${scope} keeps a whole number of them`;
  const [{ threshold }, ...others] = rounds.at(-1)!.selections;
  if (others.length > 0) return "scores that tie with a threshold go with it";
  let ties = 0;
  for (const { data } of scores.values()) for (const score of data) ties += Number(score === threshold);
  return ties > 1 ? `${integer(ties)} scores tie with the threshold, and go with it` : "";
}

const SHOWN_NAMES = 3;

/** Of layers that keep no weight, through which nothing passes any more. */
export function emptinessWarnings({ reference }: Pick<PruneArguments, "reference">, { layers, rounds }: Run): string[] {
  const remedy = `remove fewer, prune in more rounds, or ${reference ? "leave --reference out" : "keep a part of each layer with --floor"}`;
  const { kept, total } = rounds.at(-1)!;
  if (kept === 0) return [`Nothing is left: all ${integer(total)} units went; ${remedy}.`];
  const empty = emptyLayers(layers);
  return empty ? [`Layers without a weight left: ${empty}; ${remedy}.`] : [];
}

/** Names of layers that keep no weight, of many the first ones. */
export function emptyLayers(layers: Run["layers"]): string {
  const empty = layers.filter((layer) => layer.kept === 0).map(({ name }) => name.replace(/\.weight$/, ""));
  const rest = empty.length - SHOWN_NAMES;
  return rest > 0 ? `${empty.slice(0, SHOWN_NAMES).join(", ")} and ${integer(rest)} more` : empty.join(", ");
}

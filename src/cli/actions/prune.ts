/** `secateur prune`: a model and images in; a masked model, masks, scores and a report out. */
import { UsageError } from "../../errors.js";
import type { Checkpoint } from "../../io/checkpoint.js";
import type { Dataset } from "../../io/dataset.js";
import { checkWritableFolder, openDataset } from "../../io/node/index.js";
import { createModel } from "../../nn/index.js";
import {
  type Criterion,
  type Granularity,
  granularityText,
  maskWeights,
  needsCalibration,
  needsTraining,
  type PruneOptions,
  Pruner,
  parsePattern,
  readResult,
  type ScheduleKind,
  type ScopeName,
} from "../../prune/index.js";
import type { Evaluation, Report, Run } from "../../report/index.js";
import { describeRun } from "../describe-run.js";
import type { CommandContext, Outcome } from "../host.js";
import { measure } from "../measure.js";
import { type CalibrationArguments, loadCheckpoint, openCalibration } from "../model.js";
import { dataPlaces, modelPlaces, refuseInputFolder } from "../places.js";
import { durationText, GRADIENT_COST, Progress } from "../progress.js";
import { checkIncluded, type Includable, protectionWithout } from "../protection.js";
import { pruneData, pruneText } from "../prune-outcome.js";
import { savePruned } from "../pruned-files.js";
import { dropState, keepState } from "../pruning-state.js";
import { reportFrame, summarizeData, summarizeModel } from "../report.js";
import { digest } from "../training-state.js";
import { classWarnings, logitWarnings, scoreWarnings } from "../warnings.js";

export interface PruneArguments extends CalibrationArguments {
  readonly method: Criterion;
  readonly sparsity?: number;
  readonly pattern?: string;
  readonly floor?: number;
  readonly multipleOf?: number;
  readonly resume?: boolean;
  readonly granularity: Granularity;
  readonly scope: ScopeName;
  readonly include?: readonly Includable[];
  readonly rounds: number;
  readonly schedule?: ScheduleKind;
  readonly reference?: boolean;
  readonly seed: number;
  readonly compact?: boolean;
  readonly batch: number;
  readonly data?: string;
  readonly out: string;
}

export async function pruneModel(context: CommandContext, path: string, options: PruneArguments): Promise<Outcome> {
  const start = performance.now();
  const { method, rounds, batch, out } = options;
  checkArguments(options);
  const sparsity = sparsityOf(options);
  refuseInputFolder("out", out, [...modelPlaces(path), ...dataPlaces(options.calibration, options.data)]);
  await checkWritableFolder(out);
  const checkpoint = await loadCheckpoint(path);
  const calibration = await openCalibration(options, checkpoint.config);
  const evaluation = options.data ? await openDataset(options.data, checkpoint.config) : calibration;

  using gpu = await context.openGpu();
  const model = createModel(gpu, checkpoint.config, checkpoint.weights);
  const scored = needsCalibration(method) && calibration ? calibration.length * rounds * GRADIENT_COST : 1;
  using progress = new Progress(context.stderr, scored + 2 * (evaluation?.length ?? 0));
  const { signal } = context;
  const accuracy = (label: string) => (evaluation ? measure(model, evaluation, { signal, progress, label }) : null);

  const dense = await accuracy("dense accuracy");
  const pruning: PruneOptions = {
    saliency: method,
    sparsity,
    pattern: options.pattern,
    floor: options.floor,
    multipleOf: options.multipleOf,
    granularity: options.granularity,
    scope: options.scope,
    schedule: options.schedule,
    rounds,
    calibration,
    batchSize: batch,
    seed: options.seed,
    reference: options.reference,
    protection: protectionWithout(options.include ?? []),
    signal,
    fingerprint: fingerprint(checkpoint, calibration),
    on: {
      batchScored: ({ round, batches = 1 }) =>
        progress.advance(scored / rounds / batches, rounds > 1 ? `round ${round + 1} of ${rounds}` : "scores"),
    },
  };
  using pruner = new Pruner(model, pruning);
  await keepState(pruner, out, options.resume ?? false, context.note);
  await pruner.run();
  const result = await readResult(pruner, pruning);
  const pruned = await accuracy("pruned accuracy");
  signal.throwIfAborted();

  const summary = summarizeModel(path, checkpoint);
  const run = describeRun({
    model: summary,
    layers: model.layers,
    weightShape: (name) => checkpoint.weights.get(name)!.shape,
    method: method.name,
    sparsity,
    result,
    pruned,
  });
  const report: Report = {
    ...reportFrame(context.args, gpu.info),
    seed: options.seed,
    model: summary,
    data: {
      calibration: calibration ? summarizeData(calibration) : null,
      evaluation: evaluation ? summarizeData(evaluation) : null,
    },
    settings: {
      scope: options.pattern ?? options.scope,
      granularity: granularityText(options.granularity),
      schedule: options.schedule ?? (rounds > 1 ? "exponential" : "one-shot"),
      rounds,
      batch,
      examplesPerClass: options.examplesPerClass ?? null,
      reference: options.reference ?? false,
      finetune: null,
    },
    dense,
    runs: [run],
    warnings: warningsOf(options, evaluation, dense, run),
  };
  const weights = method.compensate ? await model.parameters.read() : checkpoint.weights;
  const files = await savePruned(out, checkpoint, maskWeights(weights, result.masks), result, report);
  await dropState(out);
  progress.clear();
  const seconds = (performance.now() - start) / 1000;
  return {
    data: pruneData(report, result, { out, files, seconds }),
    text: pruneText(
      report,
      result,
      `${out}: ${files.join(", ")} (${durationText(seconds)} on ${gpu.info.description})`,
    ),
  };
}

/** What the options ask to remove: the part that is given, or that of the pattern. */
function sparsityOf({ sparsity, pattern }: PruneArguments): number {
  if ((sparsity === undefined) === (pattern === undefined)) {
    const [got, remedy] =
      sparsity === undefined ? ["neither", "--sparsity 0.5 removes half"] : ["both", "leave one out"];
    throw new UsageError(`sparsity: expected either --sparsity or --pattern, got ${got}; ${remedy}`);
  }
  if (sparsity !== undefined) return sparsity;
  const { keep, run } = parsePattern(pattern!);
  return 1 - keep / run;
}

/** Tells a run over other weights or data from this one. */
function fingerprint({ weights }: Checkpoint, calibration: Dataset | undefined): string {
  const parts = Array.from(weights, ([name, { data }]) => `${name} ${digest(data)}`);
  return digest(new TextEncoder().encode([...parts, calibration?.source, calibration?.length].join("\n")));
}

function checkArguments(options: PruneArguments): void {
  const { compact, method, calibration, rounds, schedule, granularity, include = [] } = options;
  if (compact) {
    throw new UsageError("compact: expected a later version, which cuts weights out, got this one; leave it out");
  }
  if (needsCalibration(method) && calibration === undefined) {
    throw new UsageError(`${method.name}: expected calibration data, got none; give --calibration DATA`);
  }
  if (needsTraining(method)) {
    throw new UsageError(
      `${method.name}: expected a criterion that needs no training, which this command does not do, got one that sums over its steps; use it from code`,
    );
  }
  checkIncluded(include, granularity);
  if (rounds > 1 && schedule === "one-shot") {
    throw new UsageError(
      `schedule: expected one round for one-shot, got ${rounds} rounds; choose another or leave it out`,
    );
  }
}

function warningsOf(
  { data }: PruneArguments,
  evaluation: Dataset | undefined,
  dense: Evaluation | null,
  { histograms, pruned }: Run,
): string[] {
  const warnings: string[] = [];
  if (!evaluation) warnings.push("Accuracy was not measured: there were neither evaluation nor calibration data.");
  else if (data === undefined) {
    warnings.push("Accuracy was measured on the calibration images; --data measures it on others.");
  }
  return [
    ...warnings,
    ...(evaluation ? classWarnings(evaluation) : []),
    ...logitWarnings("dense model", dense?.nonFinite),
    ...logitWarnings("pruned model", pruned?.nonFinite),
    ...scoreWarnings(histograms[0].nan.count),
  ];
}

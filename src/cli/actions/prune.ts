/** `secateur prune`: a model and images in; a masked model, masks, scores and a report out. */
import { checkWritableFolder, openDataset } from "../../io/node/index.js";
import { createModel } from "../../nn/index.js";
import { granularityText, maskWeights, type PruneOptions, Pruner, readResult } from "../../prune/index.js";
import type { Report } from "../../report/index.js";
import { DEFAULT_BATCH } from "../commands/help.js";
import { compactModel, compactText } from "../compact-model.js";
import { describeRun } from "../describe-run.js";
import type { CommandContext, Outcome } from "../host.js";
import { measure } from "../measure.js";
import { loadOrStart, openCalibration } from "../model.js";
import { dataPlaces, modelPlaces, refuseInputFolder } from "../places.js";
import { durationText, GRADIENT_COST, Progress } from "../progress.js";
import { protectionWithout } from "../protection.js";
import { checkArguments, type PruneArguments, readsCalibration, sparsityOf } from "../prune-arguments.js";
import { pruneData, pruneText, trainingHint } from "../prune-outcome.js";
import { openTraining, trainingWork, watchTraining } from "../prune-training.js";
import { pruneWarnings } from "../prune-warnings.js";
import { savePruned } from "../pruned-files.js";
import { dropState, keepState } from "../pruning-state.js";
import { reportFrame, summarizeData, summarizeModel } from "../report.js";
import { fingerprint } from "../training-state.js";

export async function pruneModel(context: CommandContext, path: string, options: PruneArguments): Promise<Outcome> {
  const start = performance.now();
  const { method, rounds, batch = DEFAULT_BATCH, out } = options;
  checkArguments(options);
  const sparsity = sparsityOf(options);
  const data = dataPlaces(options.calibration, options.train, options.data);
  refuseInputFolder("out", out, [...modelPlaces(path), ...data]);
  await checkWritableFolder(out);
  const { checkpoint, fresh } = await loadOrStart(path, options.seed);
  const calibration = await openCalibration(options, checkpoint.config);
  const evaluation = options.data ? await openDataset(options.data, checkpoint.config) : calibration;
  const training = await openTraining(options, checkpoint.config);
  const trained = training && method.training?.(training);

  using gpu = await context.openGpu();
  const model = createModel(gpu, checkpoint.config, checkpoint.weights);
  const scored = calibration && readsCalibration(options) ? calibration.length * GRADIENT_COST : GRADIENT_COST;
  const measured = evaluation?.length ?? 0;
  const trainings = Array.from({ length: training ? rounds : 0 }, (_, i) => trainingWork(training!, i) + measured);
  const all = trainings.reduce((sum, work) => sum + work, rounds * scored + 2 * measured);
  using progress = new Progress(context.stderr, all);
  const { signal } = context;
  const accuracy = (label: string) => (evaluation ? measure(model, evaluation, { signal, progress, label }) : null);

  const dense = await accuracy("dense accuracy");
  const pruning: PruneOptions = {
    saliency: method.saliency,
    sparsity,
    pattern: options.pattern,
    floor: options.floor,
    multipleOf: options.multipleOf,
    monotone: options.monotone,
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
    fingerprint: fingerprint(
      checkpoint,
      calibration?.source,
      calibration?.length,
      ...(training ? [JSON.stringify(training.settings)] : []),
    ),
    on: {
      ...(training && watchTraining({ training, rounds, progress, note: context.note, accuracy })),
      batchScored: ({ round, batches = 1 }) =>
        progress.advance(scored / batches, rounds > 1 ? `round ${round + 1} of ${rounds}` : "scores"),
    },
    ...trained,
  };
  using pruner = new Pruner(model, pruning);
  await keepState(pruner, out, { resume: options.resume ?? false, trains: trained !== undefined, note: context.note });
  if (options.resume) {
    progress.skip(trainings.slice(0, pruner.round + 1).reduce((sum, work) => sum + work, pruner.round * scored));
  }
  await pruner.run();
  const result = await readResult(pruner, pruning);
  const pruned = await accuracy("pruned accuracy");
  signal.throwIfAborted();

  const finalWeights = method.saliency.compensate || trained ? await model.parameters.read() : checkpoint.weights;
  const weights = maskWeights(finalWeights, result.masks);
  const cut = options.compact
    ? await compactModel(gpu, { ...checkpoint, weights }, new Map(), { roundTo: options.roundTo })
    : undefined;
  signal.throwIfAborted();
  const summary = summarizeModel(path, checkpoint);
  const described = describeRun({
    model: summary,
    layers: model.layers,
    weightShape: (name) => checkpoint.weights.get(name)!.shape,
    method: method.name,
    criterion: method.saliency.name,
    sparsity,
    result,
    pruned,
  });
  const run = { ...described, compacted: cut?.numbers ?? null };
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
      finetune: training?.settings ?? null,
    },
    dense,
    runs: [run],
    warnings: pruneWarnings(options, { checkpoint, evaluation, dense, run, result }),
  };
  const files = await savePruned(out, checkpoint, weights, result, report, cut?.files);
  await dropState(out);
  progress.clear();
  const seconds = (performance.now() - start) / 1000;
  const place = `${out}: ${files.join(", ")} (${durationText(seconds)} on ${gpu.info.description})`;
  return {
    data: pruneData(report, result, { out, files, seconds }),
    text: pruneText(report, result, [
      ...(cut ? compactText(cut) : []),
      place,
      ...(fresh && !trained ? [trainingHint(out, options.seed)] : []),
    ]),
  };
}

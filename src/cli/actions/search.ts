/** `secateur prune` with a method that searches: trains, masks what the method learned to remove, and trains what is left where that is asked for. */
import type { Checkpoint } from "../../io/checkpoint.js";
import type { Dataset } from "../../io/dataset.js";
import { checkWritableFolder, openDataset } from "../../io/node/index.js";
import { createModel, type Model } from "../../nn/index.js";
import {
  maskWeights,
  readTraining,
  restoreTraining,
  runSearch,
  type SearchHooks,
  type SearchResult,
} from "../../prune/index.js";
import type { Evaluation, Report, Run } from "../../report/index.js";
import { Trainer, type TrainOptions } from "../../train/index.js";
import { compactModel, compactText } from "../compact-model.js";
import { depthTable, measureDepths, withExits } from "../depths.js";
import { describeRun, kindsOf } from "../describe-run.js";
import type { CommandContext, Outcome } from "../host.js";
import { measure } from "../measure.js";
import { loadOrStart } from "../model.js";
import { dataPlaces, modelPlaces, refuseInputFolder } from "../places.js";
import { durationText, GRADIENT_COST, Progress } from "../progress.js";
import { savePruned } from "../pruned-files.js";
import { dropState } from "../pruning-state.js";
import { reportFrame, summarizeData, summarizeModel } from "../report.js";
import { openSearch, type SearchArguments, type SearchPlan, searchOf } from "../search-arguments.js";
import { searchData, searchText } from "../search-outcome.js";
import { SearchKeeper } from "../search-state.js";
import { searchWarnings } from "../search-warnings.js";
import { fingerprint } from "../training-state.js";
import { watchSteps } from "../training-watch.js";

export async function searchModel(context: CommandContext, path: string, options: SearchArguments): Promise<Outcome> {
  const start = performance.now();
  const { out } = options;
  refuseInputFolder("out", out, [...modelPlaces(path), ...dataPlaces(options.train, options.data)]);
  await checkWritableFolder(out);
  const loaded = await loadOrStart(path, options.seed);
  const checkpoint = withExits(loaded.checkpoint, options.exits, options.seed);
  const plan = await openSearch(options, checkpoint.config);
  const evaluation = options.data === undefined ? undefined : await openDataset(options.data, checkpoint.config);

  const keeper = await SearchKeeper.open(out, context, options.resume);

  using gpu = await context.openGpu();
  const model = createModel(gpu, checkpoint.config, checkpoint.weights);
  const work = { options, plan, evaluation, checkpoint, keeper };
  const found = await searched(context, model, work).catch((error) => {
    if (!context.signal.aborted) keeper.tell();
    throw error;
  });
  const weights = maskWeights(await model.parameters.read(), found.result.masks);
  const { masks } = found.result;
  const depths = await measureDepths({ ...context, gpu }, checkpoint, weights, masks, evaluation);
  const cut = options.compact
    ? await compactModel(gpu, { ...checkpoint, weights }, new Map(), { roundTo: options.roundTo })
    : undefined;
  context.signal.throwIfAborted();

  const frame = { ...reportFrame(context.args, gpu.info), model: summarizeModel(path, checkpoint) };
  const report = describe(frame, model, work, found, {
    depths,
    compacted: cut?.numbers ?? null,
  });
  const files = await savePruned(out, checkpoint, weights, found.result, report, cut?.files);
  await dropState(out);
  const seconds = (performance.now() - start) / 1000;
  const place = `${out}: ${files.join(", ")} (${durationText(seconds)} on ${gpu.info.description})`;
  return {
    data: searchData(report, found.result, { out, files, seconds }),
    text: searchText(report, found.result, [
      ...(depths.length > 0 ? [depthTable(depths)] : []),
      ...(cut ? compactText(cut) : []),
      place,
    ]),
  };
}

interface Work {
  readonly options: SearchArguments;
  readonly plan: SearchPlan;
  readonly evaluation: Dataset | undefined;
  readonly checkpoint: Checkpoint;
  readonly keeper: SearchKeeper;
}

interface Found {
  readonly result: SearchResult;
  readonly dense: Evaluation | null;
  readonly pruned: Evaluation | null;
  readonly finetuned: Evaluation | null;
}

/** Searches and finetunes, with accuracy measured before, between and after; from where an interrupted run stopped, to the same end. */
async function searched(context: CommandContext, model: Model, work: Work): Promise<Found> {
  const { signal } = context;
  const { options, plan, evaluation, checkpoint, keeper } = work;
  const { data, search, finetune, sparsity } = plan;
  const { reference } = options;
  const resume = keeper.found;
  const measured = (evaluation?.length ?? 0) * (finetune ? 3 : 2);
  using progress = new Progress(context.stderr, measured + plan.steps * search.batchSize * GRADIENT_COST);
  progress.skip(((resume?.step ?? 0) + (resume?.finetuning?.step ?? 0)) * search.batchSize * GRADIENT_COST);
  const accuracy = (label: string) => (evaluation ? measure(model, evaluation, { signal, progress, label }) : null);
  const watch = (label: string, of: TrainOptions): SearchHooks => {
    const { onStep, onEpoch } = watchSteps({ label, options: of, progress, context });
    return {
      signal,
      onStep: async (report, state) => {
        await onStep?.(report);
        await keeper.onStep?.(report, state);
      },
      onEpoch: async (report, state) => {
        await onEpoch?.(report);
        await keeper.onEpoch?.(report, state);
      },
    };
  };

  const dense = await accuracy("dense accuracy");
  const method = searchOf(options);
  const words = fingerprint(checkpoint, JSON.stringify(plan.settings));
  const result = await runSearch(
    model,
    method,
    { data, options: search, sparsity, reference, resume, fingerprint: words },
    watch("search", search),
  );
  const pruned = await accuracy("pruned accuracy");
  if (!finetune) return { result, dense, pruned, finetuned: null };
  using trainer = new Trainer(model, data, finetune);
  if (resume?.finetuning) restoreTraining(model, trainer, resume.finetuning);
  const ended = keeper.state!;
  const state = async () => ({ ...ended, finetuning: await readTraining(model, trainer) });
  const { onStep, onEpoch } = watch("finetuning", finetune);
  await trainer.run({
    signal,
    onStep: (report) => onStep?.(report, state),
    onEpoch: (report) => onEpoch?.(report, state),
  });
  return { result, dense, pruned, finetuned: await accuracy("finetuned accuracy") };
}

function describe(
  frame: ReturnType<typeof reportFrame> & Pick<Report, "model">,
  { layers }: Model,
  { options, plan, evaluation, checkpoint: { weights } }: Work,
  { result, dense, pruned, finetuned }: Found,
  measured: Pick<Run, "depths" | "compacted">,
): Report {
  const { method, sparsity } = { ...options, ...plan };
  const described = describeRun({
    model: frame.model,
    layers,
    weightShape: (name) => weights.get(name)!.shape,
    method: method.name,
    sparsity,
    result: { ...result, rounds: [] },
    pruned,
  });
  const run = { ...described, finetuned, ...measured };
  return {
    ...frame,
    seed: options.seed,
    data: { calibration: summarizeData(plan.data), evaluation: evaluation ? summarizeData(evaluation) : null },
    settings: {
      scope: "global",
      granularity: kindsOf(result.space).join(" and "),
      schedule: "while training",
      rounds: 1,
      batch: plan.search.batchSize,
      examplesPerClass: options.examplesPerClass ?? null,
      reference: options.reference ?? false,
      finetune: plan.settings,
    },
    dense,
    runs: [run],
    warnings: searchWarnings({ plan, removed: result.removed, evaluation, dense, run }),
  };
}

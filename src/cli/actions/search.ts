/** `secateur prune` with a method that searches: trains, masks what the method learned to remove, and trains what is left where that is asked for. */
import { checkWritableFolder, openDataset } from "../../io/node/index.js";
import { createModel, type Model } from "../../nn/index.js";
import { maskWeights } from "../../prune/index.js";
import type { Report, Run } from "../../report/index.js";
import { compactModel, compactText } from "../compact-model.js";
import { depthTable, measureDepths, withExits } from "../depths.js";
import { describeRun, kindsOf } from "../describe-run.js";
import type { CommandContext, Outcome } from "../host.js";
import { loadOrStart } from "../model.js";
import { dataPlaces, modelPlaces, refuseInputFolder } from "../places.js";
import { durationText } from "../progress.js";
import { savePruned } from "../pruned-files.js";
import { dropState } from "../pruning-state.js";
import { reportFrame, summarizeData, summarizeModel } from "../report.js";
import { openSearch, type SearchArguments } from "../search-arguments.js";
import { searchData, searchText } from "../search-outcome.js";
import { type SearchFindings, type SearchWork, searchAndFinetune } from "../search-run.js";
import { SearchKeeper } from "../search-state.js";
import { searchWarnings } from "../search-warnings.js";

export async function searchModel(context: CommandContext, path: string, options: SearchArguments): Promise<Outcome> {
  const start = performance.now();
  const { out } = options;
  refuseInputFolder("out", out, [...modelPlaces(path), ...dataPlaces(options.train, options.data)]);
  await checkWritableFolder(out);
  const loaded = await loadOrStart(path, options.seed);
  const checkpoint = withExits(loaded.checkpoint, options.exits, options.seed);
  const plan = await openSearch(options, checkpoint.config);
  const evaluation = options.data === undefined ? undefined : await openDataset(options.data, checkpoint.config);
  using keeper = await SearchKeeper.open(out, context, options.resume);

  using gpu = await context.openGpu();
  const model = createModel(gpu, checkpoint.config, checkpoint.weights);
  const work = { options, plan, evaluation, checkpoint, keeper };
  const found = await keeper.notes.during(searchAndFinetune(context, model, work));
  const weights = maskWeights(await model.parameters.read(), found.result.masks);
  const { masks } = found.result;
  const depths = await measureDepths({ ...context, gpu }, checkpoint, weights, masks, evaluation);
  const cut = options.compact
    ? await compactModel(gpu, { ...checkpoint, weights }, new Map(), { roundTo: options.roundTo })
    : undefined;
  context.signal.throwIfAborted();

  const frame = { ...reportFrame(context.args, gpu.info), model: summarizeModel(path, checkpoint) };
  const report = describe(frame, model, work, found, { depths, compacted: cut?.numbers ?? null });
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

function describe(
  frame: ReturnType<typeof reportFrame> & Pick<Report, "model">,
  { layers }: Model,
  { options, plan, evaluation, checkpoint: { weights } }: SearchWork,
  { result, dense, pruned, finetuned }: SearchFindings,
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

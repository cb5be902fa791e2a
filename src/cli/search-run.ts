/** A search and the training of what is left, watched, measured and saved on the way. */
import type { Checkpoint } from "../io/checkpoint.js";
import type { Dataset } from "../io/dataset.js";
import type { Model } from "../nn/index.js";
import {
  readTraining,
  restoreTraining,
  runSearch,
  type SearchHooks,
  type SearchResult,
  type SearchRun,
} from "../prune/index.js";
import type { Evaluation } from "../report/index.js";
import { Trainer, type TrainOptions } from "../train/index.js";
import type { CommandContext } from "./host.js";
import { measure } from "./measure.js";
import { GRADIENT_COST, Progress } from "./progress.js";
import { type SearchArguments, type SearchPlan, searchOf } from "./search-arguments.js";
import type { SearchKeeper } from "./search-state.js";
import { fingerprint } from "./training-state.js";
import { watchSteps } from "./training-watch.js";

/** A search that is ready to start, and what it is made of. */
export interface SearchWork {
  readonly options: SearchArguments;
  readonly plan: SearchPlan;
  readonly evaluation: Dataset | undefined;
  readonly checkpoint: Checkpoint;
  readonly keeper: SearchKeeper;
}

/** What came out, and accuracy before and after. */
export interface SearchFindings {
  readonly result: SearchResult;
  readonly dense: Evaluation | null;
  readonly pruned: Evaluation | null;
  readonly finetuned: Evaluation | null;
}

/** Searches and finetunes, with accuracy measured before, between and after; from where an interrupted run stopped, to the same end. */
export async function searchAndFinetune(
  context: CommandContext,
  model: Model,
  work: SearchWork,
): Promise<SearchFindings> {
  const { signal } = context;
  const { options, plan, evaluation, checkpoint, keeper } = work;
  const { data, search, finetune, sparsity } = plan;
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
        await keeper.onStep(report, state);
      },
      onEpoch: async (report, state) => {
        await onEpoch?.(report);
        await keeper.onEpoch(report, state);
      },
    };
  };

  const dense = await accuracy("dense accuracy");
  const run: SearchRun = {
    data,
    options: search,
    sparsity,
    reference: options.reference,
    resume,
    fingerprint: fingerprint(checkpoint, JSON.stringify(plan.settings)),
  };
  const result = await runSearch(model, searchOf(options), run, watch("search", search));
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

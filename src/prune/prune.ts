/** Score, select, apply, round by round. The weights are never changed: masks lie over them. */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { Dataset } from "../io/dataset.js";
import type { FloatTensor } from "../io/safetensors.js";
import { unpackBits } from "../kernels/mask.js";
import type { Model } from "../nn/model.js";
import { Tensor } from "../tensor/index.js";
import type { Criterion } from "./criteria.js";
import { applyUnits, type HostMask, readMasks } from "./masks.js";
import { checkSparsity, densityAfter, type ScheduleKind } from "./schedule.js";
import { Scorer } from "./scorer.js";
import { demotePruned, type Scope, type Selection, Selector } from "./select.js";
import { byGroup, type Granularity, type Protection, type UnitSpace, unitSpace } from "./units.js";

/** What `prune` removes, by which criterion, and in how many rounds. */
export interface PruneOptions {
  readonly saliency: Criterion;
  /** Part of the units to remove, in [0, 1). */
  readonly sparsity: number;
  readonly granularity?: Granularity;
  readonly scope?: Scope;
  readonly schedule?: ScheduleKind;
  readonly rounds?: number;
  readonly calibration?: Dataset;
  /** Examples in a calibration batch; the loss is the mean over one. */
  readonly batchSize?: number;
  readonly seed?: number;
  /** The authors' selection rule instead of exact counts. */
  readonly reference?: boolean;
  readonly protection?: Protection;
  readonly signal?: AbortSignal;
  readonly onBatch?: (progress: { round: number; rounds: number; batch: number; batches: number }) => void;
  readonly onRound?: (round: PruneRound) => void | Promise<void>;
}

/** One round of scoring and selecting. */
export interface PruneRound {
  /** From 0. */
  readonly round: number;
  readonly density: number;
  readonly kept: number;
  /** By ranked range: one for scope `global`, one a group for scope `layer`. */
  readonly selections: readonly Selection[];
}

/** What `prune` did: masks by parameter, scores and keep bits by group of units, and the course of the rounds. */
export interface PruneResult {
  readonly space: UnitSpace;
  readonly masks: ReadonlyMap<string, HostMask>;
  /** Scores of the last round before selection, by group name; one value a unit. */
  readonly scores: ReadonlyMap<string, FloatTensor>;
  /** 1 for each unit that is kept, by group name. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
  readonly rounds: readonly PruneRound[];
}

/**
 * Prunes a model on its device. The model keeps its weights and gets masks; `clearMasks` brings the dense model back.
 * @throws UsageError for options out of range or missing calibration data; the signal's reason when aborted, with the model's masks as they stand.
 */
export async function prune(gpu: Gpu, model: Model, options: PruneOptions): Promise<PruneResult> {
  const { saliency, sparsity, granularity = "weight", scope = "global", rounds = 1, reference = false } = options;
  const { schedule = rounds > 1 ? "exponential" : "one-shot", seed = 0, batchSize = 16 } = options;
  checkSparsity(sparsity, rounds);
  const space = unitSpace(model, granularity, options.protection);
  refuseMasks(model);
  const { calibration, signal } = options;
  let round = 0;
  const onBatch = (batch: number, batches: number) => options.onBatch?.({ round, rounds, batch, batches });
  const scoreMasked = reference && saliency.revives;
  const scorer = new Scorer(gpu, model, space, saliency, {
    calibration,
    batchSize,
    seed,
    scoreMasked,
    signal,
    onBatch,
  });
  const selector = new Selector(gpu, space, { scope, reference });
  const ranked = Tensor.empty(gpu, [space.count]);
  const history: PruneRound[] = [];
  try {
    for (; round < rounds; round++) {
      signal?.throwIfAborted();
      // One draw for all rounds keeps the last scores in agreement with the masks; the authors draw anew.
      await scorer.score(reference ? round : 0);
      gpu.copy(scorer.scores.buffer, ranked.buffer);
      if (round > 0 && !reference) demotePruned(gpu, ranked, selector.keep);
      const density = densityAfter(schedule, sparsity, round, rounds);
      selector.select(ranked, density);
      if (applyUnits(gpu, model, space, selector.keep)) scorer.invalidate();
      const selections = await selector.read();
      const kept = space.count - selections.reduce((sum, { pruned }) => sum + pruned, 0);
      history.push({ round, density, kept, selections });
      await options.onRound?.(history[round]);
    }
    const scores = await scorer.scores.read();
    const keep = await selector.keep.readWords();
    return {
      space,
      masks: await readMasks(model),
      scores: byGroup(space, (offset, units) => ({ shape: [units], data: scores.slice(offset, offset + units) })),
      kept: byGroup(space, (offset, units) => unpackBits(keep, units, offset)),
      rounds: history,
    };
  } finally {
    scorer.release();
    selector.release();
    gpu.release(ranked);
  }
}

/** Rounds keep what earlier rounds removed; masks from elsewhere would be overwritten without a word. */
function refuseMasks(model: Model): void {
  for (const { name, mask } of model.parameters) {
    if (mask)
      throw new UsageError(`prune: expected a model without masks, got one over ${name}; call clearMasks first`);
  }
}

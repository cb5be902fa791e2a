/** One round of the engine: score, select, apply, compensate, finetune. Where it fails, the engine undoes it. */
import type { Model } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";
import type { Compensation } from "./compensate.js";
import { compensateModel, copyMasks } from "./compensate-model.js";
import type { PruneRound, PrunerEvents } from "./events.js";
import { type FinetuneContext, type GradientSource, trainObserved } from "./finetune.js";
import { applyUnits } from "./masks/masks.js";
import type { ResolvedOptions } from "./prune-options.js";
import { amountAfter } from "./schedule.js";
import type { Scorer } from "./scorer.js";
import type { Selector } from "./select.js";
import type { UnitSpace } from "./units.js";
import type { WeightStore } from "./weight-store.js";

/** What rounds work on. */
export interface RoundParts {
  readonly model: Model;
  readonly space: UnitSpace;
  readonly scorer: Scorer;
  readonly selector: Selector;
  readonly weights: WeightStore;
  readonly options: ResolvedOptions;
  readonly emit: <Name extends keyof PrunerEvents>(name: Name, event: PrunerEvents[Name]) => Promise<void>;
}

/** Runs round `round`, counted from 0. */
export async function runRound(parts: RoundParts, round: number): Promise<PruneRound> {
  const { space, scorer, selector, emit } = parts;
  const { rounds, amount, schedule, reference, signal, saliency, finetune } = parts.options;
  const inRound = { round, rounds };
  const now = amountAfter(amount, schedule, round, rounds);
  const density = "sparsity" in now ? 1 - now.sparsity : Number.NaN;
  await emit("roundStarted", { ...inRound, density });
  // One draw of scores for all rounds keeps the last ones in agreement with the masks; reference draws anew, as the authors do.
  await score(parts, reference ? round : 0, round);
  await emit("scored", { ...inRound, scores: scorer.scores });
  signal?.throwIfAborted();
  await selector.select(scorer.scores, now);
  const selections = await selector.read();
  const kept = space.count - selections.reduce((sum, { pruned }) => sum + pruned, 0);
  await emit("selected", { ...inRound, selections, kept });
  signal?.throwIfAborted();
  if (saliency.compensate) applyAndCompensate(parts, saliency.compensate);
  else applySelection(parts);
  await emit("masked", { ...inRound, kept });
  if (finetune) {
    await runTraining(parts, finetune, round);
    await emit("finetuned", inRound);
  }
  return { round, density, kept, selections };
}

async function score({ scorer, options: { statistics } }: RoundParts, draw: number, round: number): Promise<void> {
  if (!statistics) return scorer.score(draw, round);
  scorer.reset();
  scorer.statistics.merge(statistics);
  scorer.evaluate(draw);
}

/** Puts what is selected over the model as masks. */
export function applySelection({ model, space, scorer, selector }: RoundParts): void {
  if (applyUnits(model, space, selector.keep)) scorer.invalidate();
}

function applyAndCompensate(parts: RoundParts, compensate: Compensation): void {
  const { model, scorer } = parts;
  const before: ReadonlyMap<string, Tensor> = copyMasks(model);
  try {
    applySelection(parts);
    compensateModel(model, compensate, (name, layer) => scorer.source(name, layer), before);
  } finally {
    for (const mask of before.values()) model.gpu.release(mask);
  }
}

/** Calls `prepare` (round -1) or `finetune`. */
export async function runTraining(
  { model, scorer, weights, options, emit }: RoundParts,
  callback: NonNullable<ResolvedOptions["finetune"]>,
  round: number,
): Promise<void> {
  const { signal, rounds } = options;
  const inRound = { round: Math.max(round, 0), rounds };
  const observe = (gradients: GradientSource) => scorer.observe(gradients);
  const train: FinetuneContext["train"] = (data, settings, { onStep, onEpoch } = {}) =>
    trainObserved(model, data, settings, observe, {
      signal,
      onStep: async (report) => {
        await emit("step", { ...inRound, ...report });
        await onStep?.(report);
      },
      onEpoch: async (report) => {
        await emit("epoch", { ...inRound, ...report });
        await onEpoch?.(report);
      },
    });
  const keepWeights = (name: string) => weights.keep(name);
  const rewind = (name: string) => weights.rewind(name);
  await callback({ model, round, rounds, signal, train, observe, keepWeights, rewind });
}

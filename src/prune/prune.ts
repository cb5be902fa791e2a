/** Prunes a model in one call. */
import type { FloatTensor } from "../io/safetensors.js";
import { unpackBits } from "../kernels/mask.js";
import type { Model } from "../nn/model.js";
import type { PruneRound } from "./events.js";
import { countUnits } from "./masks/apply-kept.js";
import { type HostMask, readMasks } from "./masks/masks.js";
import type { PruneOptions } from "./prune-options.js";
import { Pruner } from "./pruner.js";
import type { AnySaliency } from "./saliency/saliency.js";
import type { SourceName } from "./saliency/sources.js";
import { byGroup, type UnitSpace } from "./units.js";

/** What pruning did, in numbers. */
export interface PruneReport {
  readonly saliency: string;
  readonly formula: string | undefined;
  readonly units: { readonly total: number; readonly kept: number };
  /** Masked parameters in the model's order. */
  readonly layers: readonly { readonly name: string; readonly weights: number; readonly kept: number }[];
  readonly rounds: readonly PruneRound[];
}

/** What `prune` did: masks by parameter, scores and keep bits by group of units, and a report. */
export interface PruneResult {
  readonly space: UnitSpace;
  readonly masks: ReadonlyMap<string, HostMask>;
  /** Scores of the last round before selection, by group name; one value a unit. */
  readonly scores: ReadonlyMap<string, FloatTensor>;
  /** 1 for each unit that is kept, by group name. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
  readonly rounds: readonly PruneRound[];
  readonly report: PruneReport;
}

/**
 * Prunes a model on its device. The model keeps its weights (unless the options finetune or compensate) and gets masks; `clearMasks` takes them away.
 * @throws UsageError for options out of range or missing calibration data; the signal's reason when aborted, with the model's masks as they stand.
 */
export async function prune<const N extends SourceName | Own = SourceName, Own extends string = never>(
  model: Model,
  options: PruneOptions<N, Own>,
): Promise<PruneResult> {
  using pruner = new Pruner<N, Own>(model, options);
  await pruner.run();
  return await readResult(pruner, options);
}

/** A `Pruner`, whatever its saliency needs. */
export type FinishedRun = Pick<Pruner, "model" | "space" | "rounds" | "scorer" | "selector">;

/** What a `Pruner` has done so far. */
export async function readResult(
  pruner: FinishedRun,
  { saliency }: { readonly saliency: AnySaliency },
): Promise<PruneResult> {
  const { space, rounds } = pruner;
  const scores = await pruner.scorer.scores.read();
  const keep = await pruner.selector.keep.readWords();
  const masks = await readMasks(pruner.model);
  return {
    space,
    masks,
    scores: byGroup(space, (offset, units) => ({ shape: [units], data: scores.slice(offset, offset + units) })),
    kept: byGroup(space, (offset, units) => unpackBits(keep, units, offset)),
    rounds: [...rounds],
    report: {
      saliency: saliency.name ?? "saliency",
      formula: saliency.formula,
      units: { total: space.count, kept: rounds.at(-1)?.kept ?? space.count },
      layers: Array.from(masks, ([name, { data }]) => ({
        name,
        weights: data.length,
        kept: countUnits(data),
      })),
      rounds: [...rounds],
    },
  };
}

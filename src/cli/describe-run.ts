/** From what pruning returned to what a report shows. */
import { layerFlops } from "../nn/flops.js";
import type { PrunableLayer } from "../nn/sites.js";
import type { PruneResult } from "../prune/prune.js";
import type { UnitSpace } from "../prune/units.js";
import { countKept, keptFlops, keptParameters, layerDensity, scoreHistogram } from "../report/index.js";
import type { Evaluation, Histogram, LayerDensity, Measure, ModelSummary, Run } from "../report/types.js";

export interface PrunedModel {
  readonly model: Pick<ModelSummary, "parameters" | "flops">;
  /** All layers of the model; those without a mask are left out of the run. */
  readonly layers: readonly PrunableLayer[];
  /** Of the layers' weights, by parameter name. */
  readonly weightShape: (name: string) => readonly number[];
  readonly method: string;
  /** What scored, where the method has another name. */
  readonly criterion?: string;
  readonly sparsity: number;
  readonly result: Omit<PruneResult, "report">;
  readonly pruned: Evaluation | null;
}

/** Describes one pruned model. */
export function describeRun({
  model,
  layers,
  weightShape,
  method,
  criterion = method,
  sparsity,
  result,
  pruned,
}: PrunedModel): Run {
  const densities = layers.flatMap((layer): LayerDensity[] => {
    const name = `${layer.name}.weight`;
    const mask = result.masks.get(name);
    return mask ? [layerDensity(name, weightShape(name), countKept(mask.data), layerFlops(layer))] : [];
  });
  return {
    method,
    criterion,
    sparsity,
    pruned,
    finetuned: null,
    compacted: null,
    depths: [],
    parameters: keptParameters(model.parameters, result.masks.values()),
    flops: keptFlops(model.flops, densities),
    rounds: result.rounds.map(({ round, density, kept, selections }) => ({
      round: round + 1,
      targetDensity: density,
      kept,
      total: result.space.count,
      threshold: commonThreshold(selections),
    })),
    layers: densities,
    histograms: histograms(result, layers),
  };
}

/** A threshold is worth drawing where all units were ranked together. */
function commonThreshold(selections: readonly { readonly threshold: number }[]): Measure {
  const [first] = selections;
  return selections.length === 1 && Number.isFinite(first.threshold) ? first.threshold : null;
}

/** `head`, `neuron`, `attn.in` and `bias` end the names of their groups; a norm's values are one kind. */
export function kindOf(name: string): string {
  if (/(?:^|[._])norm\d*\.\w+$/.test(name)) return "norm";
  return /(?:\w+\.)?(?:in|out)$/.exec(name)?.[0] ?? name.slice(name.lastIndexOf(".") + 1);
}

/** Kinds of units, in the model's order. */
export const kindsOf = ({ groups }: UnitSpace): string[] => [...new Set(groups.map(({ name }) => kindOf(name)))];

const PLURALS: Readonly<Record<string, string>> = { headDim: "head dimensions", residual: "residual rows" };

/** What several units of a kind are called. */
export const unitsText = (kind: string): string =>
  PLURALS[kind] ?? (/\.(in|out)$/.test(kind) ? `channels of ${kind}` : `${kind}s`);

/** Of all scores, then by kind of layer where there are several. */
function histograms(
  { space, scores, kept, rounds }: PrunedModel["result"],
  layers: readonly PrunableLayer[],
): Histogram[] {
  const threshold = commonThreshold(rounds.at(-1)?.selections ?? []);
  const kinds = new Map(layers.map(({ name, kind }) => [name, kind]));
  const parts = space.groups.map(({ name }) => ({
    kind: kinds.get(name) ?? kindOf(name),
    scores: scores.get(name)!.data,
    kept: kept.get(name)!,
  }));
  const names = [...new Set(parts.map(({ kind }) => kind))];
  const all = scoreHistogram(parts, { label: "all layers", threshold });
  if (names.length === 1) return [all];
  const ofKind = (label: string) =>
    scoreHistogram(
      parts.filter(({ kind }) => kind === label),
      { label, threshold },
    );
  return [all, ...names.map(ofKind)];
}

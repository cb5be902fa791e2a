/** The units that are ranked: every group of the model laid one after the other in one range of indices. */
import { UsageError } from "../errors.js";
import type { Model } from "../nn/model.js";
import { type PrunableLayer, rowUnits, type UnitGroup, weightUnits } from "../nn/sites.js";

export const GRANULARITIES = ["weight", "row", "head", "neuron"] as const;
export type Granularity = (typeof GRANULARITIES)[number];

/** What pruning leaves alone unless asked: the patch embedding and the classifier. Norms, biases and tokens are no layers. */
export interface Protection {
  readonly embedding?: boolean;
  readonly classifier?: boolean;
}

/** A group with its place among all units. */
export interface PlacedGroup extends UnitGroup {
  readonly offset: number;
}

export interface UnitSpace {
  readonly groups: readonly PlacedGroup[];
  readonly count: number;
}

const included = ({ kind }: PrunableLayer, { embedding = true, classifier = true }: Protection): boolean =>
  (kind !== "embedding" || !embedding) && (kind !== "classifier" || !classifier);

function groupsOf(model: Model, granularity: Granularity, protection: Protection): readonly UnitGroup[] {
  if (granularity === "head" || granularity === "neuron") return model.unitGroups(granularity);
  const layers = model.layers.filter((layer) => included(layer, protection));
  return layers.map(granularity === "weight" ? weightUnits : rowUnits);
}

/** @throws UsageError when the model has no unit of this granularity. */
export function unitSpace(model: Model, granularity: Granularity, protection: Protection = {}): UnitSpace {
  let count = 0;
  const groups = groupsOf(model, granularity, protection).map((group) => {
    const placed = { ...group, offset: count };
    count += group.units;
    return placed;
  });
  if (count === 0) {
    throw new UsageError(`granularity: expected units that this model has, got ${granularity}; use weight or row`);
  }
  return { groups, count };
}

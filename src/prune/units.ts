/** The units that are ranked: every group of the model laid one after the other in one range of indices. */
import { UsageError } from "../errors.js";
import type { Model } from "../nn/model.js";
import { type PrunableLayer, rowUnits, type UnitGroup, weightUnits } from "../nn/sites.js";

/** Names of the granularities. */
export const GRANULARITIES = ["weight", "row", "head", "neuron"] as const;
/** What goes or stays as a whole. */
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

/** All units that are ranked, and how many there are. */
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

function placed(groups: readonly UnitGroup[]): UnitSpace {
  let count = 0;
  const withOffsets = groups.map((group) => {
    const offset = count;
    count += group.units;
    return { ...group, offset };
  });
  return { groups: withOffsets, count };
}

/** @throws UsageError when the model has no unit of this granularity. */
export function unitSpace(model: Model, granularity: Granularity, protection: Protection = {}): UnitSpace {
  const space = placed(groupsOf(model, granularity, protection));
  if (space.count === 0) {
    throw new UsageError(`granularity: expected units that this model has, got ${granularity}; use weight or row`);
  }
  return space;
}

/** Every value of every parameter as a unit, norms, biases and tokens included: for scores, not for pruning. */
export function everyParameter(model: Model): UnitSpace {
  const parameters = [...model.parameters];
  return placed(
    parameters.map(({ name, size }) => ({ name, units: size, members: [{ parameter: name, inner: 1, period: size }] })),
  );
}

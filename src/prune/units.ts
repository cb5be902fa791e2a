/** The units that are ranked: every group of the model laid one after the other in one range of indices. */
import { UsageError } from "../errors.js";
import type { Model } from "../nn/model.js";
import type { Parameter } from "../nn/parameter.js";
import { type PrunableLayer, rowUnits, type UnitGroup, weightUnits } from "../nn/sites.js";

/** Names of the granularities. */
export const GRANULARITIES = ["weight", "row", "head", "neuron"] as const;
/** What goes or stays as a whole. */
export type Granularity = (typeof GRANULARITIES)[number];

/** What pruning leaves alone unless asked with `false`. Norms and biases have no rows: they only go weight by weight. */
export interface Protection {
  /** The patch embedding. */
  readonly embedding?: boolean;
  readonly classifier?: boolean;
  readonly biases?: boolean;
  readonly norms?: boolean;
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
  if (granularity === "row") return layers.map(rowUnits);
  const { biases = true, norms = true } = protection;
  const vectors = [...model.parameters].filter(
    ({ name }) =>
      (!norms && isNorm(name)) || (!biases && layers.some((layer) => layer.hasBias && `${layer.name}.bias` === name)),
  );
  return [...layers.map(weightUnits), ...vectors.map(parameterUnits)];
}

const isNorm = (name: string): boolean => /(^|[._])norm\d*\.(weight|bias)$/.test(name);

/** Every value of a parameter is a unit. */
const parameterUnits = ({ name, size }: Parameter): UnitGroup => ({
  name,
  units: size,
  members: [{ parameter: name, inner: 1, period: size }],
});

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
  return placed([...model.parameters].map(parameterUnits));
}

/** Cuts what lies in the order of the units into its groups, by name. */
export function byGroup<T>(space: UnitSpace, cut: (offset: number, units: number) => T): Map<string, T> {
  return new Map(space.groups.map(({ name, offset, units }) => [name, cut(offset, units)]));
}

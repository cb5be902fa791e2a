/** The units that are ranked: every group of the model laid one after the other in one range of indices. */
import { UsageError } from "../errors.js";
import { isNorm } from "../io/parameters.js";
import type { Model } from "../nn/model.js";
import type { Parameter } from "../nn/parameter.js";
import {
  blockGroup,
  layerOf,
  type PrunableLayer,
  rowUnits,
  UNIT_KINDS,
  type UnitGroup,
  type UnitKind,
  type UnitMember,
  weightUnits,
} from "../nn/sites.js";

/** Names of the granularities. */
export const GRANULARITIES = ["weight", "row", ...UNIT_KINDS] as const;
/**
 * What goes or stays as a whole: single weights, outputs of layers, units of a kind or of several that are ranked together, or blocks of so many rows
 * and columns of a weight.
 */
export type Granularity =
  | (typeof GRANULARITIES)[number]
  | readonly UnitKind[]
  | { readonly block: readonly [rows: number, columns: number] };

/** What pruning leaves alone unless asked with `false`. Norms and biases have no rows: they only go weight by weight. */
export interface Protection {
  /** The patch embedding. */
  readonly embedding?: boolean;
  readonly classifier?: boolean;
  readonly biases?: boolean;
  readonly norms?: boolean;
  /** Layers that stay whole, by name: "blocks.0.attn.qkv". A unit with weights in such a layer stays too. */
  readonly layers?: (name: string) => boolean;
}

/** What a unit takes up. */
export interface UnitCost {
  readonly parameters: number;
  /** For one example, as `vitFlops` counts them. */
  readonly flops: number;
}

/** A group with its place among all units. */
export interface PlacedGroup extends UnitGroup {
  readonly offset: number;
  /** Of one unit. */
  readonly cost: UnitCost;
  /** Weights of an output, where the units are the single weights of a layer: [out, inputs]. */
  readonly inputs?: number;
}

/** What is ranked together: everything, each group by itself, the weights of each output of a layer, or the groups that get the same key. */
export type Scope = "global" | "layer" | "row" | ((group: UnitGroup) => string);

/** All units that are ranked, and how many there are. */
export interface UnitSpace {
  readonly groups: readonly PlacedGroup[];
  readonly count: number;
}

const included = ({ kind }: PrunableLayer, { embedding = true, classifier = true }: Protection): boolean =>
  (kind !== "embedding" || !embedding) && (kind !== "classifier" || !classifier);

/** Whether a granularity is blocks of a weight; units of a kind are names. */
const isBlock = (granularity: Granularity): granularity is Extract<Granularity, { block: unknown }> =>
  typeof granularity === "object" && !Array.isArray(granularity);

function groupsOf(model: Model, granularity: Granularity, protection: Protection): readonly UnitGroup[] {
  const layers = model.layers.filter((layer) => included(layer, protection));
  if (granularity === "row") return layers.map(rowUnits);
  if (granularity !== "weight") {
    if (isBlock(granularity)) return layers.map((layer) => blockGroup(layer, granularity.block));
    return [granularity].flat().flatMap((kind) => model.unitGroups(kind));
  }
  const { biases = true, norms = true } = protection;
  const vectors = [...model.parameters].filter(
    ({ name }) =>
      (!norms && isNorm(name, model.parameters)) ||
      (!biases && layers.some((layer) => layer.hasBias && `${layer.name}.bias` === name)),
  );
  return [...layers.map(weightUnits), ...vectors.map(parameterUnits)];
}

/** Every value of a parameter is a unit. */
const parameterUnits = ({ name, size }: Parameter): UnitGroup => ({
  name,
  units: size,
  members: [{ parameter: name, inner: 1, period: size }],
});

function costOf(model: Model, { members, units, flops: own = 0, idle }: UnitGroup): UnitCost {
  let [parameters, flops] = [0, own];
  if (idle) {
    parameters += idle.weights + idle.biases;
    flops += 2 * idle.weights * (layerOf(model, `${idle.layer}.weight`)?.applications ?? 0);
  }
  for (const { parameter } of members) {
    const each = model.parameters.get(parameter).size / units;
    parameters += each;
    flops += 2 * each * (layerOf(model, parameter)?.applications ?? 0);
  }
  return { parameters, flops };
}

/** Lays groups side by side, those of one key together, in the order in which the keys first come up. The list keeps the model's order. */
function placed(model: Model, groups: readonly UnitGroup[], scope: Scope = "global"): UnitSpace {
  const keys = groups.map((group) => (typeof scope === "function" ? scope(group) : ""));
  const firsts = keys.map((key) => keys.indexOf(key));
  const order = groups.map((_, index) => index).sort((a, b) => firsts[a] - firsts[b] || a - b);
  const offsets: number[] = [];
  let count = 0;
  for (const index of order) {
    offsets[index] = count;
    count += groups[index].units;
  }
  const withPlaces = groups.map((group, index): PlacedGroup => {
    const [{ parameter, inner, period }] = group.members;
    const single = group.members.length === 1 && inner === 1 && period === group.units;
    const inputs = single ? layerOf(model, parameter)?.in : undefined;
    return { ...group, offset: offsets[index], cost: costOf(model, group), inputs };
  });
  return { groups: withPlaces, count };
}

/**
 * The units of a model. `scope` lays groups that are ranked together side by side.
 * @throws UsageError when the model has no unit of this granularity.
 */
export function unitSpace(
  model: Model,
  granularity: Granularity,
  protection: Protection = {},
  scope: Scope = "global",
): UnitSpace {
  const stays = ({ parameter }: UnitMember) => protection.layers?.(parameter.replace(/\.(weight|bias)$/, "")) ?? false;
  const groups = groupsOf(model, granularity, protection).filter(({ members }) => !members.some(stays));
  const space = placed(model, groups, scope);
  if (space.count === 0) {
    throw new UsageError(
      `granularity: expected units that this model has, got ${granularityText(granularity)}; use weight or row`,
    );
  }
  return space;
}

/** A granularity in one word: "weight", "block 32x32". */
export const granularityText = (granularity: Granularity): string =>
  isBlock(granularity) ? `block ${granularity.block.join("x")}` : [granularity].flat().join(" and ");

/** Every value of every trainable parameter as a unit, norms, biases and tokens included: for scores, not for pruning. */
export function everyParameter(model: Model): UnitSpace {
  const trainable = [...model.parameters].filter((parameter) => parameter.trainable);
  return placed(model, trainable.map(parameterUnits));
}

/** Cuts what lies in the order of the units into its groups, by name. */
export function byGroup<T>(space: UnitSpace, cut: (offset: number, units: number) => T): Map<string, T> {
  return new Map(space.groups.map(({ name, offset, units }) => [name, cut(offset, units)]));
}

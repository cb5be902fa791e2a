/** Where statistics of a model lie: in parameters, in layers, and at the gates of units. */
import { UsageError } from "../../errors.js";
import type { Model, PrunableLayer } from "../../nn/index.js";
import type { UnitSpace } from "../units.js";
import { domainOf, type Statistic } from "./statistic.js";

/** A place and how many values a statistic has there. */
export interface Place {
  readonly name: string;
  readonly length: number;
}

const LENGTHS: Partial<Record<Statistic["kind"], (layer: PrunableLayer) => number>> = {
  input: (layer) => layer.in,
  output: (layer) => layer.out,
  moment: (layer) => layer.in ** 2,
};

/** Where a statistic is summed for these units. @throws UsageError when they have no such place. */
export function placesOf(statistic: Statistic, model: Model, space: UnitSpace): Place[] {
  const { kind } = statistic;
  const at = kind === "spread" || kind === "center" ? statistic.of : kind;
  const scored = [...new Set(space.groups.flatMap(({ members }) => members.map(({ parameter }) => parameter)))];
  if (at === "gate" || at === "site") {
    const places = space.groups.filter(({ name }) => model.gates.places.has(name));
    if (places.length === space.groups.length) return places.map(({ name, units }) => ({ name, length: units }));
    const [{ name }] = space.groups.filter((group) => !model.gates.places.has(group.name));
    throw new UsageError(
      `${at === "gate" ? "gateGradient" : "activation"}: expected units with a place for a gate, got ${name}; use granularity head or neuron`,
    );
  }
  const length = LENGTHS[at];
  if (length) {
    return model.layers
      .filter((layer) => scored.includes(`${layer.name}.weight`))
      .map((layer) => ({ name: layer.name, length: length(layer) }));
  }
  if (domainOf(statistic) !== "weight" || kind === "weight" || kind === "keptWeight") return [];
  return scored.map((name) => ({ name, length: model.parameters.get(name).size }));
}

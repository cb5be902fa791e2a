/** Prunable layers, unit groups and gate places of an MLP, from its config. */
import type { MlpConfig } from "../io/config.js";
import { mlpWidths } from "../io/parameters.js";
import type { GateShape } from "./gates.js";
import type { PrunableLayer, UnitGroup } from "./sites.js";

export function mlpLayers(config: MlpConfig): PrunableLayer[] {
  return mlpWidths(config).map(([inputs, out], index) => ({
    name: `lin.${index}`,
    kind: index < config.hidden.length ? "linear" : "classifier",
    out,
    in: inputs,
    hasBias: config.bias,
    applications: 1,
  }));
}

/** A neuron: its row of a layer, its bias, and its column of the next layer. */
export function mlpNeuronUnits({ inputs, hidden, bias }: MlpConfig): UnitGroup[] {
  return hidden.map((units, index) => ({
    name: `lin.${index}.neuron`,
    units,
    members: [
      { parameter: `lin.${index}.weight`, inner: index === 0 ? inputs : hidden[index - 1], period: units },
      ...(bias ? [{ parameter: `lin.${index}.bias`, inner: 1, period: units }] : []),
      { parameter: `lin.${index + 1}.weight`, inner: 1, period: units },
    ],
  }));
}

export const mlpGatePlaces = ({ hidden }: MlpConfig): Map<string, GateShape> =>
  new Map(hidden.map((units, index) => [`lin.${index}.neuron`, { units: [units], inner: 1 }]));

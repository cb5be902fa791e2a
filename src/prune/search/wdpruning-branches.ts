/** The branches of a model whose units and rows WDPruning ranks. */
import { UsageError } from "../../errors.js";
import type { Model } from "../../nn/index.js";
import { type PlacedGroup, type UnitSpace, unitSpace } from "../units.js";
import type { BranchWidths } from "./wdpruning-budget.js";

/** A branch of a model's block. */
export interface ModelBranch extends BranchWidths {
  readonly unitBiases: number;
  /** Heads or neurons. */
  readonly unitGroup: PlacedGroup;
  /** Where their gate sits: on what the first layer writes. */
  readonly unitPlace: string;
  /** Rows of the second layer; their gate has the name of the group. */
  readonly rowGroup: PlacedGroup;
}

/** Names in a block: of the units, of the layer that makes them, of the place of their gate, of the layer that reads them, and of its rows as units. */
const BRANCHES = [
  { units: "attn.head", maker: "attn.qkv", gate: "attn.qkvHead", reader: "attn.proj", rows: "attn.residual" },
  { units: "mlp.neuron", maker: "mlp.fc1", gate: "mlp.hidden", reader: "mlp.fc2", rows: "mlp.residual" },
] as const;

/**
 * Branches in the order of the forward pass, and the units and rows of all of them. Branches that were cut are left out.
 * @throws UsageError when the model is no ViT, or has heads of different sizes.
 */
export function modelBranches(model: Model): { space: UnitSpace; branches: ModelBranch[] } {
  const { parameters, config } = model;
  if (config.architecture !== "vit") {
    throw new UsageError(`wdpruning: expected a ViT, got "${config.architecture}"; use a method for its layers`);
  }
  const space = unitSpace(model, ["head", "attn.residual", "neuron", "mlp.residual"]);
  const group = (name: string) => space.groups.find((candidate) => candidate.name === name);
  const sizeOf = (name: string) => (parameters.has(name) ? parameters.get(name).size : 0);
  const branches = config.blocks.flatMap((_, block) =>
    BRANCHES.flatMap(({ units, maker, gate, reader, rows }): ModelBranch[] => {
      const name = (part: string) => `blocks.${block}.${part}`;
      const rowGroup = group(name(rows));
      if (!rowGroup) return [];
      const unitGroup = group(name(units));
      if (!unitGroup) {
        throw new UsageError(
          `wdpruning: expected heads of one size, got others in block ${block}; search it before cutting`,
        );
      }
      return [
        {
          units: unitGroup.units,
          unitWeights: sizeOf(name(`${maker}.weight`)),
          unitBiases: sizeOf(name(`${maker}.bias`)),
          rows: rowGroup.units,
          rowWeights: sizeOf(name(`${reader}.weight`)),
          unitGroup,
          unitPlace: name(gate),
          rowGroup,
        },
      ];
    }),
  );
  return { space, branches };
}

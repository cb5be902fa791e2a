/** What WDPruning's thresholds stand for, and the weights that they keep. */
import type { ParameterBudget } from "../../kernels/index.js";

/**
 * A residual branch: its first layer makes units (heads or neurons), all of which its second reads; rows of the second add to the residual stream.
 * Each branch has two thresholds, over its units and over those rows.
 */
export interface BranchWidths {
  readonly units: number;
  /** Weights of the layer that makes them. */
  readonly unitWeights: number;
  readonly rows: number;
  /** Weights of the layer that reads them. */
  readonly rowWeights: number;
}

/**
 * Weights that thresholds keep, as a part of all: for each branch `unitWeights * u + rowWeights * u * r` with the ratios u and r of its units and rows. A
 * block of a ViT of MLP ratio 4 keeps (3a + a o + 4f + 4f t) / 12, as published.
 * @param target - part that may stay
 */
export function branchBudget(branches: readonly BranchWidths[], target: number): ParameterBudget {
  const total = branches.reduce((sum, { unitWeights, rowWeights }) => sum + unitWeights + rowWeights, 0);
  return {
    layers: branches.flatMap(({ unitWeights, rowWeights }, branch) => [
      { share: unitWeights / total, rows: 2 * branch },
      { share: rowWeights / total, rows: 2 * branch + 1, columns: 2 * branch },
    ]),
    least: branches.flatMap(({ units, rows }) => [1 / units, 1 / rows]),
    target,
  };
}

/** The branches of ViT-Base, in parts of a block, and its blocks: what the authors' code counts whatever the model is. */
const BASE_BRANCHES: readonly BranchWidths[] = [
  { units: 12, unitWeights: 3, rows: 768, rowWeights: 1 },
  { units: 3072, unitWeights: 4, rows: 768, rowWeights: 4 },
];
const BASE_DEPTH = 12;

/** {@link branchBudget} as the authors' code has it: of `depth` blocks of ViT-Base, out of 12. */
export function publishedBudget(depth: number, target: number): ParameterBudget {
  const branches = Array.from({ length: depth }, () => BASE_BRANCHES).flat();
  const { layers, least } = branchBudget(branches, target);
  return { layers: layers.map((layer) => ({ ...layer, share: (layer.share * depth) / BASE_DEPTH })), least, target };
}

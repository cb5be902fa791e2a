/** What WDPruning's thresholds stand for, and the parameters they keep. */
import type { BudgetLayer, ParameterBudget } from "../../kernels/index.js";

/** The widths of a block that a budget counts. */
export interface BlockWidths {
  readonly heads: number;
  /** Weights of qkv, proj, fc1 and fc2. */
  readonly weights: readonly [number, number, number, number];
  /** Rows of proj, fc1 and fc2. */
  readonly rows: readonly [number, number, number];
}

/** Thresholds of a block, in this order: over its heads, and over the rows of proj, fc1 and fc2. */
export const THRESHOLDS = 4;

/**
 * Weights of a model's blocks that thresholds keep: a q + a o p + f s + f t u for each block, with q, p, s and u its weights of qkv, proj, fc1 and fc2,
 * and a, o, f and t the ratios of heads and of rows of proj, fc1 and fc2; over all weights of all blocks. With the sizes of a ViT of MLP ratio 4
 * that is (3a + a o + 4f + 4f t) / 12, as published.
 * @param target - part of the weights that may stay
 */
export function blocksBudget(blocks: readonly BlockWidths[], target: number): ParameterBudget {
  const total = blocks.flatMap(({ weights }) => weights).reduce((sum, weights) => sum + weights, 0);
  const layers = blocks.flatMap(({ weights: [qkv, proj, fc1, fc2] }, block): BudgetLayer[] => {
    const [heads, projRows, neurons, fc2Rows] = Array.from({ length: THRESHOLDS }, (_, i) => THRESHOLDS * block + i);
    return [
      { share: qkv / total, rows: heads },
      { share: proj / total, rows: projRows, columns: heads },
      { share: fc1 / total, rows: neurons },
      { share: fc2 / total, rows: fc2Rows, columns: neurons },
    ];
  });
  return { layers, least: blocks.flatMap(({ heads, rows }) => [heads, ...rows].map((units) => 1 / units)), target };
}

/** ViT-Base, whose sizes and 12 blocks the authors' code counts whatever the model is. */
const BASE: BlockWidths = { heads: 12, weights: [3, 1, 4, 4], rows: [768, 3072, 768] };
const BASE_DEPTH = 12;

/** {@link blocksBudget} as the authors' code has it: of blocks of ViT-Base, out of 12. */
export function publishedBudget(depth: number, target: number): ParameterBudget {
  const { layers, least } = blocksBudget(Array<BlockWidths>(depth).fill(BASE), target);
  return { layers: layers.map((layer) => ({ ...layer, share: (layer.share * depth) / BASE_DEPTH })), least, target };
}

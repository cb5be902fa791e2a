/** How many parameters learned thresholds keep, and the penalty on those above a budget: WDPruning's Lagrangian. */
import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { constantTable } from "./constant-table.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { NONE } from "./none.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";

/** A weight matrix whose rows, and perhaps columns, go by thresholds. */
export interface BudgetLayer {
  /** Its part of all parameters. */
  readonly share: number;
  /** Index of the threshold over its rows. */
  readonly rows: number;
  /** That over its columns: over the rows of the layer before it; left out where all columns stay. */
  readonly columns?: number;
}

/** What a budget counts. */
export interface ParameterBudget {
  readonly layers: readonly BudgetLayer[];
  /** By threshold, the smallest ratio: that of one unit. */
  readonly least: readonly number[];
  /** Part of the parameters that may stay. */
  readonly target: number;
}

/** Operands of `parameterBudget` and of its gradient. */
export interface BudgetOperands {
  /** f32, one a layer. */
  readonly thresholds: BufferLike;
  /** f32 [2]: factors of the excess and of its square. */
  readonly lambdas: BufferLike;
  /** f32 [1]: the part of the parameters that stays. */
  readonly kept: BufferLike;
}

function checkLayers(op: string, { layers, least }: ParameterBudget): void {
  const known = (index: number) => Number.isInteger(index) && index >= 0 && index < least.length;
  const wrong = layers.find(({ rows, columns = 0 }) => !known(rows) || !known(columns));
  if (!wrong) return;
  throw new ShapeError(
    `${op}: expected thresholds 0 to ${least.length - 1}, got rows ${wrong.rows}, columns ${wrong.columns}`,
  );
}

const floatBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0];

/** The host's numbers as device memory of the open scope. */
function budgetTables(gpu: Gpu, { layers, least }: ParameterBudget) {
  const words = layers.flatMap(({ share, rows, columns = NONE }) => [floatBits(share), rows, columns]);
  return {
    layers: constantTable(gpu, Uint32Array.from(words)),
    least: constantTable(gpu, Uint32Array.from(least, floatBits)),
  };
}

/**
 * kept = sum of share * ratio[rows] * ratio[columns] over the layers, ratio[r] = max(sigmoid(thresholds[r]), least[r]); penalty = lambdas[0] d +
 * lambdas[1] d^2 with d = max(kept - target, 0) (Yu et al., Width & Depth Pruning, AAAI 2022). All f32.
 * @throws ShapeError when a buffer is too short, or a layer names no threshold.
 */
export function parameterBudget(
  gpu: Gpu,
  { thresholds, lambdas, kept, penalty }: BudgetOperands & { readonly penalty: BufferLike },
  budget: ParameterBudget,
): void {
  checkLayers("parameterBudget", budget);
  const { length } = budget.least;
  const lengths = { thresholds: length, lambdas: 2, kept: 1, penalty: 1 };
  requireElements("parameterBudget", { thresholds, lambdas, kept, penalty }, lengths);
  using _tables = gpu.scope();
  const { constants, groups } = rowLanes(gpu, 1, budget.layers.length);
  gpu.dispatch(shaders.parameter_budget, {
    buffers: { thresholds, lambdas, kept, penalty, ...budgetTables(gpu, budget) },
    params: { layers: budget.layers.length, budget: budget.target },
    constants,
    groups,
  });
}

/**
 * Gradients of {@link parameterBudget}'s penalty, times dPenalty [1], by the thresholds and by lambdas. Both are 0 where the budget holds; a
 * threshold's is 0 also where it keeps the least already.
 * @throws ShapeError when a buffer is too short, or a layer names no threshold.
 */
export function parameterBudgetGrad(
  gpu: Gpu,
  {
    thresholds,
    lambdas,
    kept,
    dPenalty,
    dThresholds,
    dLambdas,
  }: BudgetOperands & {
    readonly dPenalty: BufferLike;
    readonly dThresholds: BufferLike;
    readonly dLambdas: BufferLike;
  },
  budget: ParameterBudget,
): void {
  checkLayers("parameterBudgetGrad", budget);
  const { length } = budget.least;
  const lengths = { thresholds: length, lambdas: 2, kept: 1, dPenalty: 1, dThresholds: length, dLambdas: 2 };
  requireElements("parameterBudgetGrad", { thresholds, lambdas, kept, dPenalty, dThresholds, dLambdas }, lengths);
  using _tables = gpu.scope();
  const outputs = { dpenalty: dPenalty, dthresholds: dThresholds, dlambdas: dLambdas };
  const call = {
    buffers: { thresholds, lambdas, kept, ...outputs, ...budgetTables(gpu, budget) },
    params: { layers: budget.layers.length, budget: budget.target },
    inFours: false,
  };
  dispatchElementwise(gpu, shaders.parameter_budget_grad, call, length);
}

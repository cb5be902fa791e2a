import { ShapeError } from "../../errors.js";
import {
  parameterBudget as budgetKernel,
  type ParameterBudget,
  parameterBudgetGrad,
} from "../../kernels/parameter-budget.js";
import { topKMask as maskKernel, type TopKRange, topKMaskGrad } from "../../kernels/top-k-mask.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";

const binarize = defineOp({
  name: "topKMask",
  forward(gpu, { scores, thresholds }: { scores: Tensor; thresholds: Tensor }, ranges: readonly TopKRange[]) {
    if (thresholds.size !== ranges.length) {
      throw new ShapeError(
        `topKMask: expected a threshold for each of ${ranges.length} ranges, got ${thresholds.size}`,
      );
    }
    const out = Tensor.zeros(gpu, scores.shape);
    maskKernel(gpu, { scores, thresholds, mask: out }, ranges);
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { thresholds }, attributes: ranges, out, gradient, needs }) {
    const dThresholds = needs("thresholds") ? Tensor.empty(gpu, thresholds.shape) : undefined;
    if (dThresholds) topKMaskGrad(gpu, { mask: out, dMask: gradient, dThresholds }, ranges);
    return { scores: gradient, thresholds: dThresholds };
  },
});

/**
 * 1 for the largest scores of each range, as many as its threshold says, else 0: WDPruning's binarizer (Yu et al., AAAI 2022), see the kernel
 * `topKMask`. Straight through: scores get the mask's gradient, thresholds the sum of gradient * mask over their range. No second derivatives.
 * @param thresholds - one a range
 */
export const topKMask = (scores: Tensor, thresholds: Tensor, ranges: readonly TopKRange[]): Tensor =>
  binarize({ scores, thresholds }, ranges);

const penalize = defineOp({
  name: "parameterBudget",
  forward(gpu, { thresholds, lambdas }: { thresholds: Tensor; lambdas: Tensor }, budget: ParameterBudget) {
    const kept = Tensor.empty(gpu, [1]);
    const out = Tensor.empty(gpu, [1]);
    budgetKernel(gpu, { thresholds, lambdas, kept, penalty: out }, budget);
    return { out, saved: kept };
  },
  backward({ gpu, inputs: { thresholds, lambdas }, attributes: budget, saved: kept, gradient }) {
    const dThresholds = Tensor.empty(gpu, thresholds.shape);
    const dLambdas = Tensor.empty(gpu, lambdas.shape);
    const operands = { thresholds, lambdas, kept, dPenalty: gradient, dThresholds, dLambdas };
    parameterBudgetGrad(gpu, operands, budget);
    return { thresholds: dThresholds, lambdas: dLambdas };
  },
});

/**
 * A single value: the penalty on parameters above a budget that thresholds keep, WDPruning's Lagrangian; see the kernel `parameterBudget`. Zero, with zero
 * gradients, where the budget holds. No second derivatives.
 * @param lambdas - [2], factors of the excess and of its square
 */
export const parameterBudget = (thresholds: Tensor, lambdas: Tensor, budget: ParameterBudget): Tensor =>
  penalize({ thresholds, lambdas }, budget);

export type { FloatStorage } from "../kernels/elements.js";
export type { WeightAs } from "../kernels/weight-as.js";
export { backward, Gradients } from "./backward.js";
export { type HessianVectorProduct, hessianVectorProduct } from "./hessian.js";
export {
  type BackwardContext,
  type ByInput,
  type CurvatureContext,
  defineOp,
  type OpDefinition,
  type TangentContext,
  type TangentDefinition,
} from "./op.js";
export { attention } from "./ops/attention.js";
export type { AttentionAttributes } from "./ops/attention-inputs.js";
export { type BatchNormAttributes, batchNorm } from "./ops/batch-norm.js";
export { cast } from "./ops/cast.js";
export { ColumnMap, spreadColumns, takeColumns } from "./ops/columns.js";
export { concatRows } from "./ops/concat.js";
export { type Conv2dAttributes, conv2d } from "./ops/conv.js";
export { type CrossAttentionAttributes, crossAttention } from "./ops/cross-attention.js";
export { argmax, klDivergence } from "./ops/distillation.js";
export { type ActivationKind, activation, add, reshape } from "./ops/elementwise.js";
export { embedding } from "./ops/embedding.js";
export { type ActivationGates, activatedLinear, gatedLinear } from "./ops/fused-linear.js";
export { applyBits, type DropoutAttributes, dropout, gate, spreadUnits } from "./ops/gate.js";
export { classAttention, type KeptTokens, keepTokens, takeTokens } from "./ops/keep-tokens.js";
export { parameterBudget, topKMask } from "./ops/learned-budget.js";
export { linear } from "./ops/linear.js";
export type { LinearAttributes, LinearInputs } from "./ops/linear-inputs.js";
export { crossEntropy } from "./ops/loss.js";
export { type BroadcastInput, type Derivatives, map, type SecondDerivatives } from "./ops/map.js";
export { matmul } from "./ops/matmul.js";
export { type LayerNormAttributes, layerNorm, softmax } from "./ops/norm.js";
export { type PathAttentionAttributes, pathAttention } from "./ops/path-attention.js";
export { averagePool, globalAveragePool, maxPool, type PoolAttributes } from "./ops/pool.js";
export { powerOfTwoOf } from "./ops/range.js";
export { l2, max, mean, type ReduceGroups, sum } from "./ops/reduce.js";
export { assembleTokens, meanTokens, patchify, type TokenInputs, takeToken } from "./ops/tokens.js";
export {
  type Between,
  type Factors,
  type FollowedTangents,
  historyEnabled,
  type Inputs,
  type Neighbours,
  type TapeNode,
  type TermSum,
  withoutHistory,
} from "./tape.js";
export { type ElementType, type HostData, type Shape, sizeOf, Tensor } from "./tensor.js";
export { addTerm } from "./terms.js";

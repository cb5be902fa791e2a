/**
 * The kernels, one function an op: buffers and sizes in, dispatches out. They take a `Gpu` and ranges of buffers, the host's own included
 * (`gpu.borrow`), and know no tensors.
 */
export { type Activation, activation, activationGrad, geluGradTangent } from "./activation.js";
export { activationBits } from "./activation-bits.js";
export { add, addPeriodic } from "./add.js";
export { argmax } from "./argmax.js";
export {
  type AttentionBuffers,
  type AttentionGradBuffers,
  type AttentionOptions,
  type AttentionSize,
  type AttentionVariant,
  attention,
  attentionGrad,
  type GatedAttentionBuffers,
} from "./attention.js";
export type { HeadGateBuffers } from "./attention-core.js";
export {
  type AttentionGradTangentBuffers,
  type AttentionTangentBuffers,
  attentionGradTangent,
  attentionTangent,
} from "./attention-tangent.js";
export {
  type BatchNormBuffers,
  type BatchNormGradBuffers,
  type BatchNormOptions,
  type BatchNormSize,
  batchNorm,
  batchNormGrad,
} from "./batch-norm.js";
export type { BufferLike } from "./buffers.js";
export { cast } from "./cast.js";
export { choleskyUpper, dampedInverse, dampedInverseDiagonal } from "./cholesky.js";
export { classAttention } from "./class-attention.js";
export {
  type Conv2dBuffers,
  type Conv2dSize,
  type Conv2dWeightGradBuffers,
  type ConvOptions,
  type ConvVariant,
  conv2d,
  conv2dInputGrad,
  conv2dWeightGrad,
} from "./conv.js";
export {
  type CrossAttentionBuffers,
  type CrossAttentionGradBuffers,
  type CrossAttentionOptions,
  type CrossAttentionSize,
  crossAttention,
  crossAttentionGrad,
} from "./cross-attention.js";
export { type CrossEntropySize, crossEntropy, crossEntropyGrad } from "./cross-entropy.js";
export type { DampedSize } from "./damp.js";
export type { FloatStorage, StorageOptions } from "./elements.js";
export { dispatchElementwise, type ElementwiseCall, type ElementwiseParam } from "./elementwise.js";
export { type EmbeddingSize, embedding, embeddingGrad } from "./embedding.js";
export { fill } from "./fill.js";
export { foldRemovedMean } from "./fold-mean.js";
export * as fragments from "./fragments.gen.js";
export { gate, gateGradient } from "./gate.js";
export { gradientNorm } from "./gradient-norm.js";
export { type KeepTokensSize, keepTokens } from "./keep-tokens.js";
export { type KlDivergenceSize, klDivergence, klDivergenceGrad } from "./kl-divergence.js";
export {
  type LayerNormBuffers,
  type LayerNormGradBuffers,
  layerNorm,
  layerNormGrad,
  type NormSize,
} from "./layer-norm.js";
export { type LayerNormColumnsBuffers, layerNormColumns } from "./layer-norm-columns.js";
export {
  type LayerNormGradTangentBuffers,
  type LayerNormTangentBuffers,
  layerNormGradTangent,
  layerNormTangent,
} from "./layer-norm-tangent.js";
export { type MapInput, type MapInputs, type MapTarget, map } from "./map.js";
export type { ExpressionText, WrittenPiece } from "./map-expression.js";
export { mapUnits, type UnitTarget } from "./map-units.js";
export { applyMask, countKept, expandMask, maskByteLength, packBits, unpackBits } from "./mask.js";
export {
  type MatmulBuffers,
  type MatmulOptions,
  type MatmulOrder,
  type MatmulSize,
  type MatmulVariant,
  matmul,
} from "./matmul.js";
export { TILE_NAMES, type TileName } from "./matmul-tile.js";
export { columnMoments, type MomentSize, moment } from "./moment.js";
export { NONE } from "./none.js";
export { type ObsUpdateSize, obsUpdate } from "./obs-update.js";
export { adamw, optimizerSchedule, SCHEDULE, sgd } from "./optimizer.js";
export {
  type BudgetLayer,
  type BudgetOperands,
  type ParameterBudget,
  parameterBudget,
  parameterBudgetGrad,
} from "./parameter-budget.js";
export { type PatchSize, patchify, patchifyGrad } from "./patches.js";
export {
  type PathAttentionBuffers,
  type PathAttentionGradBuffers,
  type PathAttentionSaved,
  type PathAttentionSize,
  pathAttention,
  pathAttentionGrad,
  pathAttentionSaved,
} from "./path-attention.js";
export { demotePruned, type PinBuffers, promoteKept } from "./pin-scores.js";
export { placeColumns } from "./place-columns.js";
export { placeRows } from "./place-rows.js";
export {
  averagePool,
  averagePoolGrad,
  maxPool,
  maxPoolGrad,
  maxPoolTangent,
  type PoolSize,
  poolOut,
} from "./pool.js";
export { powerOfTwo } from "./power-of-two.js";
export { dropout, randomNormal, randomSigns, randomUniform } from "./random.js";
export { countKeptRanges, fillRanges } from "./ranges.js";
export { type RankUpdateSize, rankUpdate } from "./rank-update.js";
export { type ReduceSize, type Reduction, reduce, reduceGrad } from "./reduce.js";
export { accumulateSaliency, type Statistic } from "./saliency.js";
export { type ScanBlock, type ScanSize, scan } from "./scan.js";
export { type SelectionRange, type SelectTuning, selectSmallest } from "./select.js";
export type { SelectBuffers } from "./select-batch.js";
export { type CutBuffers, selectAbove, selectShare, selectWithin } from "./select-cut.js";
export { type Pattern, selectPattern } from "./select-pattern.js";
export { selectRanges } from "./select-ranges.js";
export { softmax, softmaxGrad, softmaxGradTangent } from "./softmax.js";
export { type ScoreRange, type SortTile, sortScores } from "./sort.js";
export { type SparseGptBuffers, type SparseGptChoice, type SparseGptSize, sparseGptSweep } from "./sparsegpt.js";
export { sumOfLarger } from "./sum-of-larger.js";
export {
  type AssembleSize,
  assembleTokens,
  assembleTokensGrad,
  meanTokens,
  meanTokensGrad,
  type TokenRange,
  type TokenSize,
  takeToken,
  takeTokenGrad,
} from "./tokens.js";
export { type TopKRange, topKMask, topKMaskGrad } from "./top-k-mask.js";
export { transpose } from "./transpose.js";
export {
  cachedTuning,
  lazyTuning,
  type MatmulWorkload,
  type MeasureHooks,
  makeTuningFile,
  type NamedWorkload,
  type PinnedOptions,
  pinnedTuning,
  readCachedTuning,
  shippedTuning,
  type TunedChoices,
  type TunedMatmul,
  type TuneOptions,
  type TuningFile,
  type TuningSource,
  tunedChoices,
  tuneMatmul,
  type VariantRunner,
  vitWorkloads,
  workloadKey,
  writeCachedTuning,
} from "./tuning/index.js";
export { type UnfoldSize, unfold } from "./unfold.js";
export { type BandedLayout, blockUnits, type UnitLayout, type UnitPlacement, unitCount } from "./units.js";
export type { WeightAs } from "./weight-as.js";
export type { WeightTermOptions } from "./weight-term.js";

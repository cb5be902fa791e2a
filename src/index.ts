/**
 * Secateur: hand-written WebGPU kernels for pruning neural networks, a thin tensor and autograd layer, gated Vision Transformers, and a
 * pruning engine. The subpaths `secateur/kernels`, `/tensor`, `/nn`, `/train`, `/prune` and `/io` hold everything; this module holds what most programs need.
 */
export { FormatError, GpuError, KernelError, ShapeError, UsageError } from "./errors.js";
export { Gpu, GpuBuffer, type GpuOptions, type Recording, type Scope, type Synchronous } from "./gpu/index.js";
export {
  encodeCheckpoint,
  encodeSafetensors,
  parseCheckpoint,
  parseModelConfig,
  parseSafetensors,
} from "./io/index.js";
export { cachedTuning, lazyTuning, pinnedTuning, shippedTuning, type TuningFile } from "./kernels/index.js";
export { ConvNet, createModel, MLP, type Model, type ModelOutput, ViT } from "./nn/index.js";
export {
  clearMasks,
  criterionByName,
  defineSaliency,
  type Expression,
  l2,
  map,
  maskWeights,
  max,
  mean,
  type PruneOptions,
  type PruneReport,
  type PruneResult,
  Pruner,
  prune,
  type Saliency,
  sum,
} from "./prune/index.js";
export { backward, Tensor, withoutHistory } from "./tensor/index.js";
export { evaluate, Trainer, type TrainOptions } from "./train/index.js";

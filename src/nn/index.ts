export { BATCH_NORM_EPSILON } from "../io/convnet-layout.js";
export { type Architecture, architectureOf, createModel } from "./architecture.js";
export { contrastiveLoss, similarity, unitRows } from "./contrastive.js";
export { ConvNet } from "./convnet.js";
export { addExits, atDepth, depthsOf, type HostViT } from "./exits.js";
export { convNetFlops, layerFlops, mlpFlops, vitFlops } from "./flops.js";
export type { ForwardOptions, Observer, Substitute, WeightView } from "./forward-options.js";
export { type GateShape, type GateSite, Gates } from "./gates.js";
export { initialConvNetWeights, initialMlpWeights, initialViTWeights } from "./init.js";
export { initialClipWeights } from "./init-clip.js";
export { MLP } from "./mlp.js";
export { mlpLayers } from "./mlp-sites.js";
export type { Model, ModelOutput } from "./model.js";
export { ModelRecording } from "./model-recording.js";
export { type ModelWeights, modelParameters, Parameter, Parameters } from "./parameter.js";
export { type NormSettings, Pass } from "./pass.js";
export type { ConvWindow } from "./patch-rows.js";
export { type ModelOptions, type Precision, requireFloat32 } from "./precision.js";
export {
  blockGroup,
  type LayerKind,
  layerOf,
  type PrunableLayer,
  rowUnits,
  UNIT_KINDS,
  type UnitGroup,
  type UnitKind,
  type UnitMember,
  weightUnits,
} from "./sites.js";
export { encodeTexts, packTexts, type Texts } from "./text-encoder.js";
export { TrainingPass } from "./training.js";
export { LARGEST_LOG_SCALE, TwoTower } from "./two-tower.js";
export { ViT } from "./vit.js";
export type { EncoderBlock } from "./vit-block.js";
export type { BlockColumns } from "./vit-columns.js";
export { tokenCount, vitLayers } from "./vit-sites.js";

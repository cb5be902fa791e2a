/**
 * Bytes in, data out: checkpoints, images and datasets of the formats that exist. This room knows no GPU and no file
 * system; `secateur/node` adds the latter.
 */
export { checkFinite, checkShapes, checkWeights } from "./check-weights.js";
export {
  asF32,
  type Checkpoint,
  type CheckpointFiles,
  type ConfigFiles,
  encodeCheckpoint,
  type ModelDescription,
  type NamedBytes,
  parseCheckpoint,
  parseConfigFiles,
  withNetwork,
} from "./checkpoint.js";
export { cifar10Samples } from "./cifar.js";
export {
  type ConvNetConfig,
  type EncoderConfig,
  type InputSpec,
  inputSpec,
  type MlpConfig,
  type ModelConfig,
  type Preprocess,
  parseModelConfig,
  type ViTConfig,
} from "./config.js";
export {
  type ClipConfig,
  type CrossAttentionShape,
  clipConfigToJson,
  clipParameters,
  parseClipConfig,
  type TextConfig,
} from "./config-clip.js";
export { configToJson, timmShape, viTConfigToJson } from "./config-json.js";
export { arrayDataset, type Dataset, firstOfEachClass, type SampleArrays, subset } from "./dataset.js";
export { type Codec, createImageDecoder, type ImageDecoder } from "./decode.js";
export { type IdxArray, idxSamples, parseIdx } from "./idx.js";
export type { Image } from "./image.js";
export { type ClassFolder, type ImageSource, imageFolderDataset } from "./image-folder.js";
export { type JsonObject, parseJsonObject } from "./json.js";
export { detectNaming, fromTimmNames, type Naming, toTimmNames } from "./names.js";
export { encodeOnnx, ONNX_OPSET, type OnnxOptions } from "./onnx/index.js";
export { expectedParameters } from "./parameters.js";
export { fitImage } from "./preprocess.js";
export { type Interpolation, resize } from "./resize.js";
export {
  encodeSafetensors,
  type FloatTensor,
  type HostArrays,
  type HostTensor,
  type HostType,
  parseSafetensors,
  type SafetensorsFile,
} from "./safetensors.js";
export { tensorSamples } from "./tensor-samples.js";
export type { AttentionShape, BlockShape, MlpShape } from "./vit-shape.js";

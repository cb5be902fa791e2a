import { FormatError } from "../errors.js";
import { isConvNet, readConvNet } from "./config-convnet.js";
import { huggingFaceReader } from "./config-huggingface.js";
import { LENET_300_100, readMlp } from "./config-mlp.js";
import { ConfigReader } from "./config-reader.js";
import { knownViT, timmReader } from "./config-timm.js";
import { readViT } from "./config-vit.js";
import type { JsonObject } from "./json.js";
import { quote } from "./text.js";
import type { BlockShape } from "./vit-shape.js";

/** How an image becomes numbers: resize, centre crop, (value / 255 - mean) / std for each channel. */
export interface Preprocess {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Model input size as a fraction of the resized image, in (0, 1]. */
  readonly cropPct: number;
  /** `center` resizes the shorter side and keeps the aspect ratio; `squash` resizes both sides. */
  readonly cropMode: "center" | "squash";
  readonly interpolation: "bicubic" | "bilinear";
}

/** A ViT or DeiT, dense or cut, with pre-norm blocks, one class token and, if distilled, a second token with its own head. */
export interface ViTConfig {
  readonly architecture: "vit";
  /** Pixels of a side; a multiple of `patchSize`. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly inChannels: number;
  /** Channels of the residual stream. */
  readonly embedDim: number;
  /** Channels over which norms take mean and variance: `embedDim`, or that of the dense network where channels were cut, which count as zeros. */
  readonly normWidth: number;
  readonly blocks: readonly BlockShape[];
  /**
   * Depths, ascending, behind which a classifier of its own learns: after N blocks `exits.N.norm` and `exits.N.head`, which only training passes run. Absent:
   * none.
   */
  readonly exits?: readonly number[];
  readonly numClasses: number;
  readonly qkvBias: boolean;
  readonly normEps: number;
  readonly classToken: boolean;
  readonly distilled: boolean;
  /** `cls`: head on the normed class token; `avg`: mean of the patch tokens, then the norm (timm's `fc_norm`), then the head. */
  readonly pool: "cls" | "avg";
  /** Dropout before the classifier, after the position embedding, and in branches and MLPs: timm's three rates. */
  readonly dropRate: number;
  readonly posDropRate: number;
  readonly projDropRate: number;
  readonly dropPathRate: number;
  /** `gelu` is the erf form. */
  readonly activation: "gelu" | "relu";
  readonly preprocess: Preprocess;
}

/** What the blocks of a transformer's encoder are made of: a ViT's, or those of another tower beside it. */
export type EncoderConfig = Pick<
  ViTConfig,
  "embedDim" | "normWidth" | "blocks" | "qkvBias" | "normEps" | "projDropRate" | "dropPathRate" | "activation"
>;

/** Linear layers `lin.0 ... lin.N` with ReLU between them. */
export interface MlpConfig {
  readonly architecture: "mlp";
  readonly inputs: number;
  /** Channels that `inputs` is made of; only for preprocessing images. */
  readonly inChannels: number;
  /** Widths of the hidden layers. */
  readonly hidden: readonly number[];
  readonly numClasses: number;
  readonly bias: boolean;
  readonly preprocess: Preprocess;
}

/**
 * A convolutional network of fixed layout: ResNet-20 and VGG-16 with batch norm for small images in the PX authors' names, ResNet-18 and 50 in
 * torchvision's.
 */
export interface ConvNetConfig {
  readonly architecture: "resnet20" | "vgg16_bn" | "resnet18" | "resnet50";
  readonly imageSize: number;
  readonly inChannels: number;
  readonly numClasses: number;
  readonly preprocess: Preprocess;
}

/** What a `config.json` describes; a union discriminated by `architecture`. */
export type ModelConfig = ViTConfig | MlpConfig | ConvNetConfig;

/**
 * Reads a model's config in one of three forms: timm's words (`img_size patch_size embed_dim ...`), timm's own
 * `config.json` (a known `architecture`, `model_args`, `pretrained_cfg`), or Hugging Face's ViTConfig / DeiTConfig.
 *
 * @param json - content of `config.json`
 * @param source - its name, for messages
 * @param preprocessor - content of Hugging Face's `preprocessor_config.json`, if there is one
 * @throws FormatError for a value that is missing, out of range, or asks for something this library does not compute.
 */
export function parseModelConfig(json: JsonObject, source: string, preprocessor?: JsonObject): ModelConfig {
  if (json.model_type !== undefined) return readViT(huggingFaceReader(json, source, preprocessor));
  const { architecture = "vit" } = json;
  if (typeof architecture !== "string") {
    throw new FormatError(`${source}: expected "architecture" to be a string, got ${quote(architecture)}; correct it`);
  }
  if (architecture === "mlp") return readMlp(new ConfigReader(json, source));
  if (architecture === "lenet_300_100") return readMlp(new ConfigReader({ ...LENET_300_100, ...json }, source));
  if (isConvNet(architecture)) return readConvNet(timmReader(json, {}, source), architecture);
  return readViT(timmReader(json, knownViT(architecture, source), source));
}

/** What a dataset must deliver to a model. */
export interface InputSpec {
  /** `[C, H, W]`, or `[inputs]` for an MLP. */
  readonly sampleShape: readonly number[];
  readonly inChannels: number;
  readonly numClasses: number;
  readonly preprocess: Preprocess;
}

export function inputSpec(config: ModelConfig): InputSpec {
  const { inChannels, numClasses, preprocess } = config;
  const sampleShape =
    config.architecture === "mlp" ? [config.inputs] : [inChannels, config.imageSize, config.imageSize];
  return { sampleShape, inChannels, numClasses, preprocess };
}

import { FormatError } from "../errors.js";
import { ConfigReader } from "./config-reader.js";
import { isObject, type JsonObject } from "./json.js";
import { quote } from "./text.js";

const sizes: Readonly<Record<string, JsonObject>> = {
  tiny: { embed_dim: 192, depth: 12, num_heads: 3 },
  small: { embed_dim: 384, depth: 12, num_heads: 6 },
  base: { embed_dim: 768, depth: 12, num_heads: 12 },
  large: { embed_dim: 1024, depth: 24, num_heads: 16 },
};

/** A name such as `deit_tiny_distilled_patch16_224` or `vit_base_patch32_384.augreg_in21k_ft_in1k`. */
const knownName = /^(?:vit|deit)_(tiny|small|base|large)_(distilled_)?patch(8|16|32)_(\d{2,4})(?:\.\w+)?$/;

/**
 * A reader for timm's words, plain or in the form timm publishes: the architecture's known values, overridden by
 * `pretrained_cfg`, by the file's own top level, and by `model_args`, in this order.
 */
export function timmReader(json: JsonObject, known: JsonObject, source: string): ConfigReader {
  const modelArguments = isObject(json.model_args) ? json.model_args : {};
  const values: JsonObject = {
    ...known,
    ...(isObject(json.pretrained_cfg) ? pretrainedValues(json.pretrained_cfg) : {}),
    ...json,
    ...modelArguments,
  };
  return new ConfigReader(values, source, {
    pool: "global_pool" in values && !("pool" in values) ? "global_pool" : "pool",
    activation: "act_layer" in values && !("activation" in values) ? "act_layer" : "activation",
  });
}

/**
 * What the name of a ViT or DeiT says of it.
 *
 * @throws FormatError for an architecture that is not known.
 */
export function knownViT(architecture: string, source: string): JsonObject {
  if (architecture === "vit" || architecture === "deit") return {};
  const match = knownName.exec(architecture);
  if (!match) {
    throw new FormatError(
      `${source}: expected "architecture" to be "vit", "deit", "mlp", "lenet_300_100", "resnet20", "vgg16_bn", "resnet18", "resnet50" ` +
        `or a timm name such as "deit_tiny_patch16_224", got ${quote(architecture)}; of the others only plain ViT and DeiT are supported`,
    );
  }
  const [, size, distilled, patchSize, imageSize] = match;
  return {
    ...sizes[size],
    distilled: distilled !== undefined,
    patch_size: Number(patchSize),
    img_size: Number(imageSize),
    num_classes: 1000,
  };
}

/** The values of a `pretrained_cfg` under the names this library reads. */
function pretrainedValues(pretrained: JsonObject): JsonObject {
  const { input_size: inputSize, mean, std, crop_pct, crop_mode, interpolation, num_classes } = pretrained;
  const size = Array.isArray(inputSize) ? { in_chans: inputSize[0], img_size: inputSize.slice(1) } : {};
  const values = { ...size, mean, std, crop_pct, crop_mode, interpolation, num_classes };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

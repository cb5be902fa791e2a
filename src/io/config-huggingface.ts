import { FormatError } from "../errors.js";
import { ConfigReader } from "./config-reader.js";
import { isObject, type JsonObject } from "./json.js";
import { quote } from "./text.js";

/** timm's word -> key in ViTConfig and DeiTConfig. */
const spelling = {
  img_size: "image_size",
  in_chans: "num_channels",
  embed_dim: "hidden_size",
  depth: "num_hidden_layers",
  num_heads: "num_attention_heads",
  mlp_hidden_dim: "intermediate_size",
  norm_eps: "layer_norm_eps",
  activation: "hidden_act",
  // One probability for embeddings and branches; there is no dropout before the classifier.
  pos_drop_rate: "hidden_dropout_prob",
  proj_drop_rate: "hidden_dropout_prob",
  attn_drop_rate: "attention_probs_dropout_prob",
};

/** What the files leave out: the defaults of Hugging Face's ViTConfig, which DeiTConfig shares. */
const defaults = {
  image_size: 224,
  patch_size: 16,
  num_channels: 3,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  layer_norm_eps: 1e-12,
};

/**
 * A reader for a Hugging Face ViTConfig or DeiTConfig and the preprocessing beside it.
 *
 * @throws FormatError for another model type, or a DeiT without its distillation head.
 */
export function huggingFaceReader(json: JsonObject, source: string, preprocessor?: JsonObject): ConfigReader {
  const { model_type: modelType, architectures, id2label } = json;
  if (modelType !== "vit" && modelType !== "deit") {
    throw new FormatError(
      `${source}: expected "model_type" to be "vit" or "deit", got ${quote(modelType)}; no other model is supported`,
    );
  }
  const distilled = modelType === "deit";
  // DeiTForImageClassification has the distillation token but no head on it, which timm's DeiT does not know.
  if (distilled && !(Array.isArray(architectures) && architectures.includes("DeiTForImageClassificationWithTeacher"))) {
    throw new FormatError(
      `${source}: expected "architectures" to be ["DeiTForImageClassificationWithTeacher"] for a "deit", ` +
        `got ${quote(architectures)}; a DeiT with one head is not supported`,
    );
  }
  const labels = isObject(id2label) ? Object.keys(id2label).length : 2;
  return new ConfigReader(
    {
      num_classes: json.num_labels ?? labels,
      ...defaults,
      ...json,
      distilled,
      ...preprocessing(preprocessor ?? {}, distilled, Number(json.image_size ?? defaults.image_size)),
    },
    source,
    spelling,
  );
}

/** `preprocessor_config.json` in timm's words; what it leaves out is Hugging Face's default for the model type. */
function preprocessing(preprocessor: JsonObject, distilled: boolean, imageSize: number): JsonObject {
  const { size = distilled ? 256 : imageSize, resample = distilled ? 3 : 2 } = preprocessor;
  const { do_center_crop: cropped = distilled, do_resize: resized = true } = preprocessor;
  const shortest = isObject(size) ? size.shortest_edge : undefined;
  const side = Number(shortest ?? (isObject(size) ? size.height : size));
  const interpolation = ({ 2: "bilinear", 3: "bicubic" } as Record<string, string>)[String(resample)];
  return {
    mean: preprocessor.image_mean,
    std: preprocessor.image_std,
    crop_pct: cropped && resized ? cropFraction(imageSize, side) : 1,
    crop_mode: shortest === undefined ? "squash" : "center",
    interpolation: interpolation ?? resample,
  };
}

/** The fraction of which floor(imageSize / fraction) is `side` again in floating point. */
function cropFraction(imageSize: number, side: number): number {
  const fraction = imageSize / side;
  return Math.floor(imageSize / fraction) === side ? fraction : imageSize / (side + 0.5);
}

/** Networks out as ONNX files. */
import { FormatError } from "../../errors.js";
import { checkShapes } from "../check-weights.js";
import { inputSpec, type ModelConfig } from "../config.js";
import type { FloatTensor } from "../safetensors.js";
import { convNetGraph } from "./convnet.js";
import { Graph } from "./graph.js";
import { mlpGraph } from "./mlp.js";
import { modelProto } from "./model-proto.js";
import { vitGraph } from "./vit.js";

export { ONNX_OPSET } from "./model-proto.js";

/** Readers of protobuf refuse more. */
const MAX_BYTES = 2 ** 31 - 1;

/** What an ONNX file may say besides the network. */
export interface OnnxOptions {
  /** Of the graph, for viewers. Default: the architecture's. */
  readonly name?: string;
}

/**
 * A model as the bytes of an ONNX file of opset 17: from `images` [batch, C, H, W] (an MLP's: [batch, inputs]), normalised as `metadata_props` say, to
 * `logits` [batch, classes], f32, for any batch size. Its initializers are the parameters under their names and in their shapes.
 *
 * @param weights - by timm's names, with removed values at zero; see `expectedParameters`
 * @throws FormatError when the weights do not fit the config, or need a file of more than 2 GiB.
 */
export function encodeOnnx(
  config: ModelConfig,
  weights: ReadonlyMap<string, FloatTensor>,
  { name = config.architecture }: OnnxOptions = {},
): Uint8Array<ArrayBuffer> {
  checkShapes(weights, config, name);
  const { sampleShape, numClasses } = inputSpec(config);
  const graph = new Graph(weights);
  const logits = graph.node("logits", "Identity", [buildGraph(graph, config, "images")]);
  const input = { name: "images", shape: sampleShape };
  const model = modelProto(graph, input, { name: logits, shape: [numClasses] }, { name, metadata: metadata(config) });
  if (model.length > MAX_BYTES) {
    throw new FormatError(
      `${name}: expected a model that fits in an ONNX file of 2 GiB, got one of ${model.length} bytes; prune and compact it first`,
    );
  }
  return model.encode();
}

function buildGraph(graph: Graph, config: ModelConfig, images: string): string {
  if (config.architecture === "vit") return vitGraph(graph, config, images);
  return config.architecture === "mlp" ? mlpGraph(graph, config, images) : convNetGraph(graph, config, images);
}

/** What turns an image into input, in the words of `config.json`. */
function metadata(config: ModelConfig): Map<string, string> {
  const { preprocess, numClasses } = inputSpec(config);
  const { mean, std, cropPct, cropMode, interpolation } = preprocess;
  return new Map([
    ["architecture", config.architecture],
    ["num_classes", String(numClasses)],
    ["mean", JSON.stringify(mean)],
    ["std", JSON.stringify(std)],
    ["crop_pct", String(cropPct)],
    ["crop_mode", cropMode],
    ["interpolation", interpolation],
  ]);
}

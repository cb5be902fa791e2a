/** `secateur export`: a model for other runtimes. Needs no device. */
import { inputSpec } from "../../io/config.js";
import { checkWritableFile, writeFileAtomic } from "../../io/node/index.js";
import { encodeOnnx, ONNX_OPSET } from "../../io/onnx/index.js";
import { parameterCount } from "../../io/parameters.js";
import { maskWeights } from "../../prune/index.js";
import { integer, siPrefix } from "../../report/format.js";
import { keptParameters } from "../../report/index.js";
import type { CommandContext, Outcome } from "../host.js";
import { loadMasks, loadWithWeights, modelName } from "../model.js";
import { modelFiles, refuseInputFile } from "../places.js";

export interface ExportArguments {
  readonly onnx: string;
  readonly masks?: string;
}

export async function exportModel(
  { signal }: CommandContext,
  path: string,
  { onnx: out, masks: maskFile }: ExportArguments,
): Promise<Outcome> {
  refuseInputFile("onnx", out, [...modelFiles(path), ...(maskFile === undefined ? [] : [maskFile])]);
  await checkWritableFile(out);
  const checkpoint = await loadWithWeights(path);
  const { config, weights } = checkpoint;
  const masks = maskFile === undefined ? undefined : await loadMasks(maskFile, checkpoint);
  const name = modelName(path);
  const bytes = encodeOnnx(config, masks ? maskWeights(weights, masks) : weights, { name });
  signal.throwIfAborted();
  await writeFileAtomic(out, bytes);

  // Exits are for training, and not in the file.
  const parameters = parameterCount(config.architecture === "vit" ? { ...config, exits: undefined } : config);
  const kept = masks ? keptParameters(parameters, masks.values()) : parameters;
  const { sampleShape, numClasses } = inputSpec(config);
  const counted = masks ? `${integer(kept)} of ${integer(parameters)}` : integer(parameters);
  return {
    data: {
      command: "export",
      model: name,
      onnx: out,
      bytes: bytes.length,
      opset: ONNX_OPSET,
      parameters: { dense: parameters, kept },
      input: { name: "images", shape: ["batch", ...sampleShape] },
      output: { name: "logits", shape: ["batch", numClasses] },
    },
    text: [
      `${name}: ${counted} parameters`,
      `${out}: ${siPrefix(bytes.length)}B, ONNX opset ${ONNX_OPSET}, images [batch, ${sampleShape.join(", ")}] to logits [batch, ${numClasses}]`,
    ].join("\n"),
  };
}

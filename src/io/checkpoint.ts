import { FormatError } from "../errors.js";
import { checkWeights } from "./check-weights.js";
import { type ModelConfig, parseModelConfig } from "./config.js";
import { configToJson } from "./config-json.js";
import { isObject, type JsonObject, parseJsonObject } from "./json.js";
import { detectNaming, fromTimmNames, type Naming, toTimmNames } from "./names.js";
import {
  encodedLength,
  encodeSafetensors,
  type FloatTensor,
  type HostTensor,
  parseSafetensors,
} from "./safetensors.js";
import { quote } from "./text.js";

/** A model as it lies in files: its config and its weights under timm's names. */
export interface Checkpoint<C extends ModelConfig = ModelConfig> {
  readonly config: C;
  /** `config.json` as it was read, to be written again unchanged. */
  readonly rawConfig: JsonObject;
  /** Hugging Face's `preprocessor_config.json`, where there was one. */
  readonly preprocessor?: JsonObject;
  /** Names that the file used and that saving goes back to. */
  readonly naming: Naming;
  readonly weights: Map<string, FloatTensor>;
  /** `__metadata__` of the weights file. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A file in memory; its name is for messages. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The files that describe a model. */
export interface ConfigFiles {
  readonly config: NamedBytes;
  readonly preprocessor?: NamedBytes;
}

/** The files a checkpoint consists of. */
export interface CheckpointFiles extends ConfigFiles {
  readonly weights: NamedBytes;
}

/** What a model's files say of it besides its weights. */
export type ModelDescription = Pick<Checkpoint, "config" | "rawConfig" | "preprocessor">;

/** @throws FormatError for a malformed file or a config that asks for something this library does not compute. */
export function parseConfigFiles(files: ConfigFiles): ModelDescription {
  const rawConfig = parseJsonObject(files.config.bytes, files.config.name);
  const preprocessor = files.preprocessor && parseJsonObject(files.preprocessor.bytes, files.preprocessor.name);
  return { config: parseModelConfig(rawConfig, files.config.name, preprocessor), rawConfig, preprocessor };
}

/**
 * Reads a checkpoint and checks its weights against its config.
 *
 * @throws FormatError for a malformed file or a parameter that is missing, unexpected, of a wrong shape or not finite.
 */
export function parseCheckpoint(files: CheckpointFiles): Checkpoint {
  const description = parseConfigFiles(files);
  const { name: source, bytes } = files.weights;
  const { tensors, metadata } = parseSafetensors(bytes, source);
  const naming = detectNaming(tensors.keys());
  const weights = floatTensors(toTimmNames(withoutCounters(tensors), naming, source), source);
  checkWeights(weights, description.config, source, naming);
  return { ...description, naming, weights, metadata };
}

/**
 * Leaves out how many batches each batch norm has seen, which PyTorch writes but reads only for averages that we do not compute. It is not written
 * again: PyTorch's loader takes a missing one for 0.
 */
const withoutCounters = (tensors: ReadonlyMap<string, HostTensor>): Map<string, HostTensor> =>
  new Map([...tensors].filter(([name]) => !/(^|\.)num_batches_tracked$/.test(name)));

/**
 * The checkpoint of a network that was made from another one's, as by `compact`: its config and weights, under timm's names and in timm's words.
 * `saveCheckpoint` writes it.
 */
export function withNetwork(
  { rawConfig, metadata }: Pick<Checkpoint, "rawConfig" | "metadata">,
  { config, weights }: { readonly config: ModelConfig; readonly weights: Map<string, FloatTensor> },
): Checkpoint {
  return { config, rawConfig: configToJson(config, rawConfig), naming: "timm", weights, metadata };
}

/**
 * The bytes of a checkpoint's files by name: `model.safetensors`, `config.json` and what lay beside it.
 * @throws FormatError for weights that `rawConfig`, which is what is written, does not describe.
 */
export function encodeCheckpoint(checkpoint: Checkpoint): Map<string, Uint8Array> {
  const { rawConfig, preprocessor } = checkpoint;
  const written = parseModelConfig(rawConfig, "rawConfig", preprocessor);
  if (canonical(written) !== canonical(checkpoint.config)) {
    throw new FormatError(
      "checkpoint: expected a rawConfig that says what config does, got another; withNetwork(checkpoint, { config, weights }) makes one",
    );
  }
  const files = new Map<string, Uint8Array>([
    ["model.safetensors", encodeSafetensors(...weightsFile(checkpoint))],
    ["config.json", encodeJson(rawConfig)],
  ]);
  if (preprocessor) files.set("preprocessor_config.json", encodeJson(preprocessor));
  return files;
}

/** Bytes of a checkpoint's `model.safetensors`. */
export const weightsFileLength = (checkpoint: Checkpoint): number => encodedLength(...weightsFile(checkpoint));

/** Tensors and metadata of the file. Hugging Face's loader asks for the entry "format". */
const weightsFile = ({ naming, weights, metadata }: Checkpoint) =>
  [fromTimmNames(asF32(weights), naming), new Map([["format", "pt"], ...metadata])] as const;

/** Text that does not depend on the order of keys. */
const canonical = (value: object): string =>
  JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );

const encodeJson = (value: JsonObject): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);

/** Float tensors as {@link encodeSafetensors} takes them. */
export function asF32(tensors: Iterable<readonly [string, FloatTensor]>): Map<string, HostTensor<"F32">> {
  return new Map(Array.from(tensors, ([name, { shape, data }]) => [name, { dtype: "F32", shape, data }]));
}

/** @throws FormatError for a tensor that is not float. */
export function floatTensors(tensors: ReadonlyMap<string, HostTensor>, source: string): Map<string, FloatTensor> {
  const floats = new Map<string, FloatTensor>();
  for (const [name, tensor] of tensors) {
    if (tensor.dtype !== "F32") {
      throw new FormatError(`${source}: expected parameter ${quote(name)} to be float, got ${tensor.dtype}; remove it`);
    }
    floats.set(name, { shape: tensor.shape, data: tensor.data });
  }
  return floats;
}

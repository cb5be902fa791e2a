import { dirname, join } from "node:path";
import { FormatError } from "../../errors.js";
import {
  type Checkpoint,
  type ConfigFiles,
  encodeCheckpoint,
  type ModelDescription,
  type NamedBytes,
  parseCheckpoint,
  parseConfigFiles,
} from "../checkpoint.js";
import { detectNaming, type Naming, toTimmNames } from "../names.js";
import { parseSafetensors, type SafetensorsFile } from "../safetensors.js";
import { isFolder, listFolder, readBytes } from "./files.js";
import { writeFolder } from "./output.js";

/**
 * Loads a model: a `.safetensors` file with `config.json` beside it, or a folder with `model.safetensors` and
 * `config.json`; Hugging Face's `preprocessor_config.json` is read where there is one.
 *
 * @throws FormatError in one line for a file that is missing, unreadable or malformed, or weights that do not fit.
 */
export async function loadModel(path: string): Promise<Checkpoint> {
  const folder = (await isFolder(path)) ? path : dirname(path);
  const weights = folder === path ? join(path, "model.safetensors") : path;
  const { files } = await listFolder(folder);
  if (folder === path && !files.includes("model.safetensors")) {
    throw new FormatError(`${path}: expected model.safetensors in the folder, got none; give the path of the file`);
  }
  if (!files.includes("config.json")) {
    throw new FormatError(
      `${weights}: expected config.json beside it, got none; write one (a ViT's: img_size, patch_size, embed_dim, ...; ` +
        'an MLP\'s: "architecture": "mlp", inputs, hidden, num_classes)',
    );
  }
  return parseCheckpoint({ weights: await read(weights), ...(await readConfig(join(folder, "config.json"), files)) });
}

const read = async (name: string): Promise<NamedBytes> => ({ name, bytes: await readBytes(name) });

/** @param beside - names of the files in the config's folder */
async function readConfig(path: string, beside: readonly string[]): Promise<ConfigFiles> {
  const preprocessor = "preprocessor_config.json";
  return {
    config: await read(path),
    preprocessor: beside.includes(preprocessor) ? await read(join(dirname(path), preprocessor)) : undefined,
  };
}

/**
 * Loads what describes a model that has no weights yet: its config and, where there is one, Hugging Face's
 * `preprocessor_config.json` beside it.
 *
 * @throws FormatError in one line for a file that is missing, unreadable or malformed.
 */
export async function loadConfig(path: string): Promise<ModelDescription> {
  const { files } = await listFolder(dirname(path));
  return parseConfigFiles(await readConfig(path, files));
}

/**
 * Loads tensors named like a model's parameters, such as masks or scores, under timm's names.
 *
 * @throws FormatError in one line for a file that is missing, unreadable or malformed.
 */
export async function loadTensors(path: string): Promise<SafetensorsFile & { readonly naming: Naming }> {
  const { tensors, metadata } = parseSafetensors(await readBytes(path), path);
  const naming = detectNaming(tensors.keys());
  return { tensors: toTimmNames(tensors, naming, path), metadata, naming };
}

/**
 * Saves a model into a folder, with the names and the config it came with; all files or none.
 *
 * @param others - further files for the same folder
 * @throws UsageError in one line for a folder that cannot be written.
 */
export async function saveCheckpoint(
  folder: string,
  checkpoint: Checkpoint,
  others: ReadonlyMap<string, Uint8Array | string> = new Map(),
): Promise<void> {
  await writeFolder(folder, new Map<string, Uint8Array | string>([...encodeCheckpoint(checkpoint), ...others]));
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { FormatError } from "../../errors.js";
import { cifar10Samples } from "../cifar.js";
import { type InputSpec, inputSpec, type ModelConfig } from "../config.js";
import { arrayDataset, type Dataset } from "../dataset.js";
import { idxSamples, parseIdx } from "../idx.js";
import { type ClassFolder, imageFolderDataset } from "../image-folder.js";
import { parseJsonObject } from "../json.js";
import { tensorSamples } from "../tensor-samples.js";
import { quote } from "../text.js";
import { decodeImage } from "./codecs.js";
import { isFolder, listFolder, readBytes, readError } from "./files.js";

/** The two parts of MNIST and CIFAR-10. */
export type Split = "train" | "test";

/** How a dataset with several splits is opened. */
export interface OpenDatasetOptions {
  /** Which split to open of a folder that holds both, unless the path ends in `:train` or `:test`; `test` by default. */
  readonly defaultSplit?: Split;
}

const imageFile = /\.(jpe?g|png)$/i;
const idxImages = /^(train|t10k|test)-images[-.]idx3-ubyte(\.gz)?$/;
const idxLabels = /^(train|t10k|test)-labels[-.]idx1-ubyte(\.gz)?$/;
const cifarBatch = /^(data_batch_\d+|test_batch)\.bin$/;

/** The file or folder of a path to data, and the split that it names with `:train` or `:test`. */
export function splitDataPath(path: string): { readonly place: string; readonly split?: Split } {
  const suffix = existsSync(path) ? null : /^(.+):(train|test)$/.exec(path);
  return suffix ? { place: suffix[1], split: suffix[2] as Split } : { place: path };
}

/**
 * Opens labelled data for a model: a `.safetensors` file, or a folder of class folders with JPEG or PNG images (and
 * perhaps `classes.json`), of MNIST idx files (perhaps gzipped), or of CIFAR-10 binary batches. A path to one of the
 * latter two may end in `:train` or `:test`.
 *
 * @throws FormatError in one line for data that are missing, empty, unreadable, mixed, or do not fit the model.
 */
export async function openDataset(
  path: string,
  config: ModelConfig,
  { defaultSplit = "test" }: OpenDatasetOptions = {},
): Promise<Dataset> {
  const spec = inputSpec(config);
  const { place, split } = splitDataPath(path);
  refuseUnknownSplit(place);
  if (!(await isFolder(place))) {
    refuseSplit(place, split);
    return arrayDataset(tensorSamples(await readBytes(place), place), spec, place);
  }
  const { files, folders } = await listFolder(place);
  const idx = files.filter((name) => idxImages.test(name) || idxLabels.test(name));
  const cifar = files.filter((name) => cifarBatch.test(name));
  const kinds = [idx, cifar, folders].filter((names) => names.length > 0);
  if (kinds.length !== 1) {
    const got = kinds.length === 0 ? "none of them" : `both ${kinds.map(([first]) => first).join(" and ")}`;
    throw new FormatError(
      `${place}: expected class folders, MNIST idx files or CIFAR-10 batches, got ${got}; give a folder with one kind`,
    );
  }
  if (idx.length) return openIdx(place, idx, spec, split, defaultSplit);
  if (cifar.length) return openCifar(place, cifar, files, spec, split, defaultSplit);
  refuseSplit(place, split);
  return openClassFolders(place, folders, files, spec);
}

async function openClassFolders(place: string, names: string[], files: string[], spec: InputSpec): Promise<Dataset> {
  const folders: ClassFolder[] = [];
  for (const name of names) {
    const { files } = await listFolder(join(place, name));
    folders.push({ name, files: files.filter((file) => imageFile.test(file)) });
  }
  const list = join(place, "classes.json");
  const classes = files.includes("classes.json") ? parseJsonObject(await readBytes(list), list) : undefined;
  return imageFolderDataset(folders, classes, spec, place, {
    readFile: (folder, file) => readBytes(join(place, folder, file)),
    decode: decodeImage,
  });
}

async function openIdx(
  place: string,
  names: string[],
  spec: InputSpec,
  wanted: Split | undefined,
  preferred: Split,
): Promise<Dataset> {
  const splitOf = (name: string): Split => (name.startsWith("train") ? "train" : "test");
  const split = chooseSplit(names.map(splitOf), place, wanted, preferred);
  const ofSplit = names.filter((name) => splitOf(name) === split);
  const load = async (pattern: RegExp, dimensions: number) => {
    const matches = ofSplit.filter((name) => pattern.test(name));
    if (matches.length !== 1) {
      throw new FormatError(
        `${place}: expected one file of images and one of labels for the ${split} split, got ${ofSplit.join(", ")}; ` +
          "add or remove files",
      );
    }
    const file = join(place, matches[0]);
    const bytes = await readBytes(file);
    return parseIdx(file.endsWith(".gz") ? gunzip(bytes, file) : bytes, dimensions, file);
  };
  const samples = idxSamples(await load(idxImages, 3), await load(idxLabels, 1));
  return arrayDataset(samples, spec, `${place}:${split}`);
}

async function openCifar(
  place: string,
  names: string[],
  files: string[],
  spec: InputSpec,
  wanted: Split | undefined,
  preferred: Split,
): Promise<Dataset> {
  const splitOf = (name: string): Split => (name.startsWith("test") ? "test" : "train");
  const split = chooseSplit(names.map(splitOf), place, wanted, preferred);
  const batches = [];
  for (const name of names.filter((name) => splitOf(name) === split)) {
    batches.push({ name: join(place, name), bytes: await readBytes(join(place, name)) });
  }
  let classNames: Map<number, string> | undefined;
  if (files.includes("batches.meta.txt")) {
    const text = new TextDecoder().decode(await readBytes(join(place, "batches.meta.txt")));
    classNames = new Map(text.trim().split(/\s+/).entries());
  }
  return arrayDataset(cifar10Samples(batches, classNames), spec, `${place}:${split}`);
}

function chooseSplit(present: Split[], place: string, wanted: Split | undefined, preferred: Split): Split {
  if (!wanted) return present.includes(preferred) ? preferred : present[0];
  if (present.includes(wanted)) return wanted;
  throw new FormatError(`${place}: expected files of the ${wanted} split, got those of ${present[0]}; add them`);
}

function refuseSplit(place: string, split: Split | undefined): void {
  if (!split) return;
  throw new FormatError(
    `${place}: expected idx files or CIFAR-10 batches for ":${split}", got other data; leave it out`,
  );
}

/** `mnist:val` is no path that was mistyped. */
function refuseUnknownSplit(place: string): void {
  const named = existsSync(place) ? null : /^(.+):([^:/\\]+)$/.exec(place);
  if (!named || !existsSync(named[1])) return;
  throw new FormatError(
    `${place}: expected the split "train" or "test", got ${quote(named[2])}; name one of them or none`,
  );
}

/** Far above the 47 MB of MNIST's training images; a bound on what a hostile file may unpack to. */
const maxUnpackedBytes = 2 ** 30;

function gunzip(bytes: Uint8Array, file: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes });
  } catch (error) {
    throw readError(error, file, "gzip data of at most 1 GiB");
  }
}

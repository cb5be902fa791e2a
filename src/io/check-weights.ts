import { FormatError } from "../errors.js";
import type { ModelConfig } from "./config.js";
import { type Naming, namesInFile } from "./names.js";
import { expectedParameters } from "./parameters.js";
import type { FloatTensor } from "./safetensors.js";
import { quote, shapeText } from "./text.js";

/**
 * Checks weights against a config.
 *
 * @throws FormatError naming the first parameter that is missing, unexpected, of a wrong shape or not finite.
 */
export function checkWeights(
  weights: ReadonlyMap<string, FloatTensor>,
  config: ModelConfig,
  source: string,
  naming: Naming = "timm",
): void {
  checkShapes(weights, config, source, naming);
  checkFinite(weights, source, naming);
}

const inFile = (name: string, naming: Naming): string => namesInFile(name, naming).map(quote).join(", ");

/** @throws FormatError naming the first parameter that is missing, unexpected or of a wrong shape. */
export function checkShapes(
  weights: ReadonlyMap<string, Pick<FloatTensor, "shape">>,
  config: ModelConfig,
  source: string,
  naming: Naming = "timm",
): void {
  checkAgainst(weights, expectedParameters(config), source, naming);
}

/** The same against names and shapes. */
export function checkAgainst(
  weights: ReadonlyMap<string, Pick<FloatTensor, "shape">>,
  expected: ReadonlyMap<string, readonly number[]>,
  source: string,
  naming: Naming = "timm",
): void {
  for (const [name, shape] of expected) {
    const got = weights.get(name)?.shape;
    if (got && shapeText(got) === shapeText(shape)) continue;
    throw new FormatError(
      `${source}: expected ${inFile(name, naming)} of shape ${shapeText(shape)}, got ${got ? shapeText(got) : "none"}; ` +
        "the config does not describe these weights",
    );
  }
  for (const name of weights.keys()) {
    if (expected.has(name)) continue;
    throw new FormatError(
      `${source}: expected no parameter ${inFile(name, naming)}, got one; the config has no place for it`,
    );
  }
}

/** @throws FormatError naming the first parameter with a value that is not finite. */
export function checkFinite(
  weights: Iterable<readonly [string, FloatTensor]>,
  source: string,
  naming: Naming = "timm",
): void {
  for (const [name, { data }] of weights) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    throw new FormatError(
      `${source}: expected finite values in ${inFile(name, naming)}, got ${data[at]} at element ${at}; retrain or repair it`,
    );
  }
}

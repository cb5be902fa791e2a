/** Networks that really shrink: what masks set to zero is cut out of the weights, and the config says what is left. */
import { UsageError } from "../../errors.js";
import type { ModelConfig } from "../../io/config.js";
import type { FloatTensor } from "../../io/safetensors.js";
import type { Model } from "../../nn/index.js";
import { maskWeights, readMasks } from "../masks/masks.js";
import { compactMlpNet } from "./compact-mlp-net.js";
import { type CompactOptions, compactViT, DEFAULT_ROUNDING, type HostModel, ordered } from "./compact-vit.js";

export type { CompactOptions, HostModel } from "./compact-vit.js";

/**
 * A network without the rows and columns of its weights that are zero, such as those of heads, dimensions, neurons, channels, branches and blocks that
 * masks removed. It computes the same: the outputs differ by rounding only.
 *
 * @param weights - with removed values at zero, under timm's names
 * @returns config and weights of the smaller network, as `createModel` takes them.
 * @throws UsageError for a convolutional network, whose config has no words for other widths, or a `roundTo` that is no count.
 */
export function compactWeights(
  config: ModelConfig,
  weights: ReadonlyMap<string, FloatTensor>,
  options: CompactOptions = {},
): HostModel<ModelConfig> {
  const { roundTo = DEFAULT_ROUNDING } = options;
  if (!Number.isInteger(roundTo) || roundTo < 1) {
    throw new UsageError(`roundTo: expected a count from 1, got ${roundTo}; 1 rounds nothing`);
  }
  if (config.architecture === "mlp") return compactMlpNet(config, weights, options);
  if (config.architecture !== "vit") {
    throw new UsageError(`compact: expected a ViT, DeiT or MLP, got ${config.architecture}; keep its masks instead`);
  }
  const { config: cut, weights: left } = compactViT(config, weights, options);
  return { config: cut, weights: ordered(cut, left) };
}

/** The same from a model on a device and its masks. Gates are no part of it: fold them into weights first. */
export async function compact(model: Model, options: CompactOptions = {}): Promise<HostModel<ModelConfig>> {
  const { config, gates, parameters } = model;
  const [key] = [...gates].map(([name]) => name);
  if (key !== undefined) {
    throw new UsageError(`compact: expected a model without gates, got one at ${key}; fold it into weights first`);
  }
  return compactWeights(config, maskWeights(await parameters.read(), await readMasks(model)), options);
}

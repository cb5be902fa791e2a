/** What this library computes, by the `architecture` of a config: the one place that knows all networks. */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { ModelConfig } from "../io/config.js";
import type { FloatTensor } from "../io/safetensors.js";
import { mlpFlops, vitFlops } from "./flops.js";
import { initialMlpWeights, initialViTWeights } from "./init.js";
import { MLP } from "./mlp.js";
import { mlpLayers } from "./mlp-sites.js";
import type { Model } from "./model.js";
import type { ModelWeights } from "./parameter.js";
import type { PrunableLayer } from "./sites.js";
import { ViT } from "./vit.js";
import { vitLayers } from "./vit-sites.js";

/** What is known of a config's network without a device, and how to make it on one. */
export interface Architecture {
  /** Layers whose weights may be pruned, in the order of the forward pass. */
  readonly layers: readonly PrunableLayer[];
  /** FLOPs of a forward pass for one example. */
  readonly flops: number;
  /** Fresh weights, the same on every machine. */
  initialWeights(seed: number): Map<string, FloatTensor>;
  /** @throws FormatError when weights and config disagree. */
  create(gpu: Gpu, weights: ModelWeights): Model;
}

/**
 * @param source - where the config came from, for messages
 * @throws UsageError for an architecture that is not computed.
 */
export function architectureOf(config: ModelConfig, source = "model"): Architecture {
  switch (config.architecture) {
    case "vit":
      return {
        layers: vitLayers(config),
        flops: vitFlops(config),
        initialWeights: (seed) => initialViTWeights(config, seed),
        create: (gpu, weights) => new ViT(gpu, config, weights),
      };
    case "mlp":
      return {
        layers: mlpLayers(config),
        flops: mlpFlops(config),
        initialWeights: (seed) => initialMlpWeights(config, seed),
        create: (gpu, weights) => new MLP(gpu, config, weights),
      };
    default:
      throw new UsageError(
        `${source}: expected a ViT, DeiT or MLP, got the architecture "${config.architecture}"; this version computes no other`,
      );
  }
}

/**
 * The network of a config on a device.
 *
 * @param weights - of the host, or tensors that lie on the device already
 * @throws FormatError when weights and config disagree; UsageError for an architecture that is not computed.
 */
export const createModel = (gpu: Gpu, config: ModelConfig, weights: ModelWeights): Model =>
  architectureOf(config).create(gpu, weights);

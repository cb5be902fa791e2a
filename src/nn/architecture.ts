/** What this library computes, by the `architecture` of a config: the one place that knows all networks. */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { ModelConfig } from "../io/config.js";
import { convNetLayout } from "../io/convnet-networks.js";
import type { FloatTensor } from "../io/safetensors.js";
import { ConvNet } from "./convnet.js";
import { convNetLayers } from "./convnet-sites.js";
import { convNetFlops, mlpFlops, vitFlops } from "./flops.js";
import { initialConvNetWeights, initialMlpWeights, initialViTWeights } from "./init.js";
import { MLP } from "./mlp.js";
import { mlpLayers } from "./mlp-sites.js";
import type { Model } from "./model.js";
import type { ModelWeights } from "./parameter.js";
import type { ModelOptions } from "./precision.js";
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
  /** @throws FormatError when weights and config disagree, UsageError or GpuError for a precision that the network or the device lacks. */
  create(gpu: Gpu, weights: ModelWeights, options?: ModelOptions): Model;
}

export function architectureOf(config: ModelConfig): Architecture {
  switch (config.architecture) {
    case "vit":
      return {
        layers: vitLayers(config),
        flops: vitFlops(config),
        initialWeights: (seed) => initialViTWeights(config, seed),
        create: (gpu, weights, options) => new ViT(gpu, config, weights, options),
      };
    case "mlp":
      return {
        layers: mlpLayers(config),
        flops: mlpFlops(config),
        initialWeights: (seed) => initialMlpWeights(config, seed),
        create: (gpu, weights, options) => new MLP(gpu, config, weights, options),
      };
    default:
      return {
        layers: convNetLayers(convNetLayout(config), config.numClasses),
        flops: convNetFlops(config),
        initialWeights: (seed) => initialConvNetWeights(config, seed),
        create: (gpu, weights, options) => {
          refuseFloat16(config, options);
          return new ConvNet(gpu, config, weights);
        },
      };
  }
}

/**
 * The network of a config on a device.
 *
 * @param weights - of the host, or tensors that lie on the device already
 * @throws FormatError when weights and config disagree; UsageError for a config as it lies in a file, or no weights; UsageError or GpuError for a
 * precision that the network or the device lacks.
 */
export function createModel(gpu: Gpu, config: ModelConfig, weights: ModelWeights, options: ModelOptions = {}): Model {
  if (config?.numClasses === undefined) {
    throw new UsageError(
      `model: expected a config as loadModel reads it, got ${nameOf(config, "another object")}; pass it through parseModelConfig`,
    );
  }
  if (typeof weights?.get !== "function") {
    throw new UsageError(
      `model: expected weights in a map by name, got ${nameOf(weights, "an object that is no Map")}; ` +
        "pass those of loadModel, or architectureOf(config).initialWeights(seed)",
    );
  }
  return architectureOf(config).create(gpu, weights, options);
}

/** For what a host without types passed. */
function nameOf(value: unknown, object: string): string {
  const type = value === null ? "null" : typeof value;
  return type === "object" ? object : type;
}

function refuseFloat16({ architecture }: ModelConfig, { precision = "f32" }: ModelOptions = {}): void {
  if (precision === "f32") return;
  throw new UsageError(`model: precision ${precision}: expected a ViT, DeiT or MLP, got "${architecture}"; use f32`);
}

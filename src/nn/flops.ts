/** Work of a forward pass for one example, two FLOPs for each multiply-accumulate. */
import type { ConvNetConfig, MlpConfig, ViTConfig } from "../io/config.js";
import { convNetLayout } from "../io/convnet-networks.js";
import { convNetLayers } from "./convnet-sites.js";
import { mlpLayers } from "./mlp-sites.js";
import type { PrunableLayer } from "./sites.js";
import { blockTokens, vitLayers } from "./vit-sites.js";

export const layerFlops = ({ out, in: inputs, applications }: PrunableLayer): number => 2 * out * inputs * applications;

const sumOfLayers = (layers: readonly PrunableLayer[]): number =>
  layers.reduce((sum, layer) => sum + layerFlops(layer), 0);

/** Linear layers; biases and activations are left out, as is usual. */
export const mlpFlops = (config: MlpConfig): number => sumOfLayers(mlpLayers(config));

/** Linear layers and the two products of attention; norms, activations and softmax are left out, as is usual. */
export function vitFlops(config: ViTConfig): number {
  const tokens = blockTokens(config);
  const products = config.blocks.map(({ attention }, index) => {
    return attention ? 2 * 2 * tokens[index].attention ** 2 * attention.heads * attention.headDim : 0;
  });
  return products.reduce((sum, flops) => sum + flops, sumOfLayers(vitLayers(config)));
}

/** Convolutions and the classifier; norms, activations, pools and identities with weights are left out, as is usual. */
export const convNetFlops = (config: ConvNetConfig): number =>
  sumOfLayers(convNetLayers(convNetLayout(config), config.numClasses));

/** Work of a forward pass for one example, two FLOPs for each multiply-accumulate. */
import type { ConvNetConfig, MlpConfig, ViTConfig } from "../io/config.js";
import { convNetLayout } from "../io/convnet-networks.js";
import { convNetLayers } from "./convnet-sites.js";
import { mlpLayers } from "./mlp-sites.js";
import type { PrunableLayer } from "./sites.js";
import { tokenCount, vitLayers } from "./vit-sites.js";

export const layerFlops = ({ out, in: inputs, applications }: PrunableLayer): number => 2 * out * inputs * applications;

const sumOfLayers = (layers: readonly PrunableLayer[]): number =>
  layers.reduce((sum, layer) => sum + layerFlops(layer), 0);

/** Linear layers; biases and activations are left out, as is usual. */
export const mlpFlops = (config: MlpConfig): number => sumOfLayers(mlpLayers(config));

/** Linear layers and the two products of attention; norms, activations and softmax are left out, as is usual. */
export function vitFlops(config: ViTConfig): number {
  const contexts = config.blocks.map(({ attention }) => (attention ? attention.heads * attention.headDim : 0));
  const width = contexts.reduce((sum, context) => sum + context, 0);
  return sumOfLayers(vitLayers(config)) + 2 * 2 * tokenCount(config) ** 2 * width;
}

/** Convolutions and the classifier; norms, activations, pools and identities with weights are left out, as is usual. */
export const convNetFlops = (config: ConvNetConfig): number =>
  sumOfLayers(convNetLayers(convNetLayout(config), config.numClasses));

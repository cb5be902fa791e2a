/** Work of a forward pass for one example, two FLOPs for each multiply-accumulate. */
import type { ViTConfig } from "../io/config.js";
import type { PrunableLayer } from "./sites.js";
import { tokenCount, vitLayers } from "./vit-sites.js";

export const layerFlops = ({ out, in: inputs, applications }: PrunableLayer): number => 2 * out * inputs * applications;

/** Linear layers and the two products of attention; norms, activations and softmax are left out, as is usual. */
export function vitFlops(config: ViTConfig): number {
  const linear = vitLayers(config).reduce((sum, layer) => sum + layerFlops(layer), 0);
  return linear + config.depth * 2 * 2 * tokenCount(config) ** 2 * config.embedDim;
}

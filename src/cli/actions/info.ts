/** `secateur info`: what a model consists of. Needs no device. */
import { layerFlops, vitFlops, vitLayers } from "../../nn/index.js";
import type { HostMask } from "../../prune/index.js";
import { integer, percent, siPrefix } from "../../report/format.js";
import { countKept, keptCost, layerDensity, overallDensity } from "../../report/index.js";
import type { CommandContext, Outcome } from "../host.js";
import { loadMasks, loadViT, plainConfig } from "../model.js";
import { summarizeModel } from "../report.js";
import { textTable } from "../table.js";

export async function describeModel(_: CommandContext, path: string, options: { masks?: string }): Promise<Outcome> {
  const checkpoint = await loadViT(path);
  const { config, rawConfig, weights, naming } = checkpoint;
  const masks: ReadonlyMap<string, HostMask> = options.masks ? await loadMasks(options.masks, checkpoint) : new Map();
  const summary = summarizeModel(path, checkpoint);
  const layers = vitLayers(config).map((layer) => {
    const name = `${layer.name}.weight`;
    const { shape, data } = weights.get(name)!;
    const mask = masks.get(name)?.data;
    const kept = mask ? countKept(mask) : options.masks ? data.length : data.length - countZeros(data);
    return layerDensity(name, shape, kept, layerFlops(layer));
  });
  const { density, kept, total } = overallDensity(layers);
  const cost = keptCost(summary, layers);
  const table = textTable([
    ["layer", "shape", "weights", "density"],
    ...layers.map(({ name, shape, total, kept }) => [
      name,
      shape.join(" x "),
      integer(total),
      percent(kept / total, 1),
    ]),
  ]);
  const text = [
    `${summary.name}: ${integer(summary.parameters)} parameters, ${siPrefix(vitFlops(config))} FLOPs an image`,
    `kept ${integer(kept)} of ${integer(total)} weights in layers (${percent(density, 1)}), ${siPrefix(cost.flops)} FLOPs an image`,
    table,
    `config: ${JSON.stringify(plainConfig(rawConfig))}`,
  ].join("\n");
  return {
    data: {
      command: "info",
      model: summary.name,
      naming,
      parameters: { dense: summary.parameters, kept: cost.parameters },
      flops: { dense: summary.flops, kept: cost.flops },
      density,
      layers,
      config: rawConfig,
    },
    text,
  };
}

function countZeros(data: Float32Array): number {
  let zeros = 0;
  for (const value of data) if (value === 0) zeros++;
  return zeros;
}

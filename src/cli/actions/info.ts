/** `secateur info`: what a model consists of. Needs no device. */
import type { FloatTensor } from "../../io/safetensors.js";
import { architectureOf, layerFlops, type PrunableLayer } from "../../nn/index.js";
import type { MaskSet } from "../../prune/index.js";
import { integer, percent, siPrefix } from "../../report/format.js";
import { countKept, keptFlops, keptParameters, layerDensity, overallDensity } from "../../report/index.js";
import { blockSizes, blockTable } from "../block-table.js";
import type { CommandContext, Outcome } from "../host.js";
import { loadMasks, loadWithWeights, plainConfig } from "../model.js";
import { summarizeModel } from "../report.js";
import { textTable } from "../table.js";

export async function describeModel(_: CommandContext, path: string, options: { masks?: string }): Promise<Outcome> {
  const checkpoint = await loadWithWeights(path);
  const { config, rawConfig, weights, naming } = checkpoint;
  const summary = summarizeModel(path, checkpoint);
  const { layers: prunable } = architectureOf(config);
  const masks = options.masks ? await loadMasks(options.masks, checkpoint) : masksOfZeros(prunable, weights);
  const layers = prunable.map((layer) => {
    const name = `${layer.name}.weight`;
    const { shape, data } = weights.get(name)!;
    const mask = masks.get(name);
    return layerDensity(name, shape, mask ? countKept(mask.data) : data.length, layerFlops(layer));
  });
  const { density, kept, total } = overallDensity(layers);
  const parameters = keptParameters(summary.parameters, masks.values());
  const flops = keptFlops(summary.flops, layers);
  const table = textTable([
    ["layer", "shape", "weights", "density"],
    ...layers.map(({ name, shape, total, kept }) => [
      name,
      shape.join(" x "),
      integer(total),
      percent(kept / total, 1),
    ]),
  ]);
  const blocks = blockSizes(config);
  const text = [
    `${summary.name}: ${integer(summary.parameters)} parameters, ${siPrefix(summary.flops)} FLOPs an image`,
    `kept ${integer(kept)} of ${integer(total)} weights in layers (${percent(density, 1)}), ${siPrefix(flops)} FLOPs an image`,
    ...(blocks ? ["what is left of blocks:", blockTable(blocks), ""] : []),
    table,
    `config: ${JSON.stringify(plainConfig(rawConfig))}`,
  ].join("\n");
  return {
    data: {
      command: "info",
      model: summary.name,
      naming,
      parameters: { dense: summary.parameters, kept: parameters },
      flops: { dense: summary.flops, kept: flops },
      density,
      layers,
      blocks,
      config: rawConfig,
    },
    text,
  };
}

/** The masks that a pruned model's zeros tell of: of weights, and of biases whose whole row is zero with them. */
function masksOfZeros(layers: readonly PrunableLayer[], weights: ReadonlyMap<string, FloatTensor>): MaskSet {
  const masks = new Map<string, { shape: readonly number[]; data: Uint8Array }>();
  for (const { name } of layers) {
    const weight = weights.get(`${name}.weight`)!;
    masks.set(`${name}.weight`, { shape: weight.shape, data: Uint8Array.from(weight.data, isKept) });
    const bias = weights.get(`${name}.bias`);
    if (!bias) continue;
    const width = weight.data.length / bias.data.length;
    const keeps = (value: number, row: number) =>
      isKept(value) || Number(weight.data.subarray(row * width, (row + 1) * width).some(isKept));
    masks.set(`${name}.bias`, { shape: bias.shape, data: Uint8Array.from(bias.data, keeps) });
  }
  return masks;
}

const isKept = (value: number): number => Number(value !== 0);

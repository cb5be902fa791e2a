/** Prunable layers, unit groups and gate places of a ViT, from its config. */
import type { ViTConfig } from "../io/config.js";
import type { GateShape } from "./gates.js";
import type { LayerKind, PrunableLayer, UnitGroup } from "./sites.js";

export const patchCount = ({ imageSize, patchSize }: ViTConfig): number => (imageSize / patchSize) ** 2;

export const prefixCount = ({ classToken, distilled }: ViTConfig): number => Number(classToken) + Number(distilled);

export const tokenCount = (config: ViTConfig): number => patchCount(config) + prefixCount(config);

export const headDimOf = ({ embedDim, numHeads }: ViTConfig): number => embedDim / numHeads;

const blockNames = ({ depth }: ViTConfig): string[] => Array.from({ length: depth }, (_, index) => `blocks.${index}`);

export function vitLayers(config: ViTConfig): PrunableLayer[] {
  const { embedDim, hiddenDim, inChannels, patchSize, numClasses, qkvBias } = config;
  const tokens = tokenCount(config);
  const layer = (name: string, kind: LayerKind, out: number, inputs: number, applications: number, hasBias = true) => ({
    name,
    kind,
    out,
    in: inputs,
    hasBias,
    applications,
  });
  const layers = [layer("patch_embed.proj", "embedding", embedDim, inChannels * patchSize ** 2, patchCount(config))];
  for (const block of blockNames(config)) {
    layers.push(
      layer(`${block}.attn.qkv`, "qkv", 3 * embedDim, embedDim, tokens, qkvBias),
      layer(`${block}.attn.proj`, "proj", embedDim, embedDim, tokens),
      layer(`${block}.mlp.fc1`, "fc1", hiddenDim, embedDim, tokens),
      layer(`${block}.mlp.fc2`, "fc2", embedDim, hiddenDim, tokens),
    );
  }
  layers.push(layer("head", "classifier", numClasses, embedDim, 1));
  if (config.distilled) layers.push(layer("head_dist", "classifier", numClasses, embedDim, 1));
  return layers;
}

/** A head: its rows of q, k and v with their biases, and its columns of the projection. */
export function headUnits(config: ViTConfig): UnitGroup[] {
  const { embedDim, numHeads, qkvBias } = config;
  const headDim = headDimOf(config);
  return blockNames(config).map((block) => ({
    name: `${block}.attn.head`,
    units: numHeads,
    members: [
      { parameter: `${block}.attn.qkv.weight`, inner: headDim * embedDim, period: numHeads },
      ...(qkvBias ? [{ parameter: `${block}.attn.qkv.bias`, inner: headDim, period: numHeads }] : []),
      { parameter: `${block}.attn.proj.weight`, inner: headDim, period: numHeads },
    ],
    flops: 2 * 2 * tokenCount(config) ** 2 * headDim, // scores, and the sum of values
  }));
}

/** A neuron: its row of fc1, its bias, and its column of fc2. */
export function neuronUnits(config: ViTConfig): UnitGroup[] {
  const { embedDim, hiddenDim } = config;
  return blockNames(config).map((block) => ({
    name: `${block}.mlp.neuron`,
    units: hiddenDim,
    members: [
      { parameter: `${block}.mlp.fc1.weight`, inner: embedDim, period: hiddenDim },
      { parameter: `${block}.mlp.fc1.bias`, inner: 1, period: hiddenDim },
      { parameter: `${block}.mlp.fc2.weight`, inner: 1, period: hiddenDim },
    ],
  }));
}

export function vitGatePlaces(config: ViTConfig): Map<string, GateShape> {
  const { embedDim, hiddenDim, numHeads } = config;
  const headDim = headDimOf(config);
  const places = new Map<string, GateShape>();
  for (const block of blockNames(config)) {
    places.set(`${block}.attn.in`, { units: [embedDim], inner: 1 });
    places.set(`${block}.attn.headDim`, { units: [headDim, embedDim, 3 * embedDim], inner: 1 });
    places.set(`${block}.attn.head`, { units: [numHeads], inner: headDim });
    places.set(`${block}.attn.out`, { units: [embedDim], inner: 1 });
    places.set(`${block}.mlp.in`, { units: [embedDim], inner: 1 });
    places.set(`${block}.mlp.hidden`, { units: [hiddenDim], inner: 1 });
    places.set(`${block}.mlp.neuron`, { units: [hiddenDim], inner: 1 });
    places.set(`${block}.block.attn`, { units: [1], inner: 1 });
    places.set(`${block}.block.mlp`, { units: [1], inner: 1 });
    places.set(`${block}.block`, { units: [1], inner: 1 });
  }
  // Of class-token models, as a mean over tokens would have to leave closed ones out too.
  if (config.pool === "cls") places.set("token", { units: [tokenCount(config)], inner: embedDim });
  places.set("embed", { units: [embedDim], inner: 1 });
  return places;
}

/** Prunable layers and gate places of a ViT, from its config. */
import type { EncoderConfig, ViTConfig } from "../io/config.js";
import { contextWidth, qkvRows } from "../io/vit-shape.js";
import type { GateShape } from "./gates.js";
import type { LayerKind, PrunableLayer } from "./sites.js";

export const patchCount = ({ imageSize, patchSize }: ViTConfig): number => (imageSize / patchSize) ** 2;

export const prefixCount = ({ classToken, distilled }: ViTConfig): number => Number(classToken) + Number(distilled);

export const tokenCount = (config: ViTConfig): number => patchCount(config) + prefixCount(config);

/** Tokens of an example that a block's attention works on, and its MLP behind it. */
export interface BlockTokens {
  readonly attention: number;
  readonly mlp: number;
}

/** Of each block: some leave out the patches that the class token attends to least. */
export function blockTokens(config: ViTConfig): BlockTokens[] {
  let tokens = tokenCount(config);
  return config.blocks.map(({ tokens: patches }) => {
    const attention = tokens;
    if (patches !== undefined) tokens = prefixCount(config) + patches;
    return { attention, mlp: tokens };
  });
}

export function vitLayers(config: ViTConfig): PrunableLayer[] {
  const { embedDim, inChannels, patchSize, numClasses, qkvBias } = config;
  const tokens = blockTokens(config);
  const layer = (name: string, kind: LayerKind, out: number, inputs: number, applications: number, hasBias = true) => ({
    name,
    kind,
    out,
    in: inputs,
    hasBias,
    applications,
  });
  const layers = [layer("patch_embed.proj", "embedding", embedDim, inChannels * patchSize ** 2, patchCount(config))];
  for (const [index, { attention, mlp }] of config.blocks.entries()) {
    const block = `blocks.${index}`;
    if (attention) {
      const { inputs, outputs } = attention;
      const { attention: seen } = tokens[index];
      layers.push(
        layer(`${block}.attn.qkv`, "qkv", qkvRows(attention), inputs?.length ?? embedDim, seen, qkvBias),
        layer(`${block}.attn.proj`, "proj", outputs?.length ?? embedDim, contextWidth(attention), seen),
      );
    }
    if (mlp) {
      const { hidden, inputs, outputs } = mlp;
      const { mlp: seen } = tokens[index];
      layers.push(
        layer(`${block}.mlp.fc1`, "fc1", hidden, inputs?.length ?? embedDim, seen),
        layer(`${block}.mlp.fc2`, "fc2", outputs?.length ?? embedDim, hidden, seen),
      );
    }
  }
  layers.push(layer("head", "classifier", numClasses, embedDim, 1));
  if (config.distilled) layers.push(layer("head_dist", "classifier", numClasses, embedDim, 1));
  return layers;
}

/** Places of an encoder's blocks, and of the channels that all of them read. */
export function encoderGatePlaces({ embedDim, blocks }: EncoderConfig): Map<string, GateShape> {
  const places = new Map<string, GateShape>();
  const add = (key: string, units: readonly number[], inner = 1) => places.set(key, { units, inner });
  for (const [index, { attention, mlp }] of blocks.entries()) {
    const block = `blocks.${index}`;
    if (attention) {
      const { heads, headDim, qkv, inputs, outputs } = attention;
      const width = heads * headDim;
      add(`${block}.attn.in`, [inputs?.length ?? embedDim]);
      if (!qkv) add(`${block}.attn.qkvHead`, [heads], headDim);
      add(`${block}.attn.headDim`, qkv ? [qkv.length] : [headDim, width, 3 * width]);
      add(`${block}.attn.head`, [heads], headDim);
      add(`${block}.attn.out`, [width]);
      add(`${block}.attn.residual`, [outputs?.length ?? embedDim]);
      add(`${block}.block.attn`, [1]);
    }
    if (mlp) {
      add(`${block}.mlp.in`, [mlp.inputs?.length ?? embedDim]);
      add(`${block}.mlp.hidden`, [mlp.hidden]);
      add(`${block}.mlp.neuron`, [mlp.hidden]);
      add(`${block}.mlp.residual`, [mlp.outputs?.length ?? embedDim]);
      add(`${block}.block.mlp`, [1]);
    }
    if (attention || mlp) add(`${block}.block`, [1]);
  }
  add("embed", [embedDim]);
  return places;
}

export function vitGatePlaces(config: ViTConfig): Map<string, GateShape> {
  const places = encoderGatePlaces(config);
  // Of class-token models, as a mean over tokens would have to leave closed ones out too; and where a token has one place in all blocks.
  const isFixed = config.blocks.every(({ tokens }) => tokens === undefined);
  if (config.pool === "cls" && isFixed) places.set("token", { units: [tokenCount(config)], inner: config.embedDim });
  return places;
}

import type { ConvNetConfig, EncoderConfig, MlpConfig, ModelConfig, ViTConfig } from "./config.js";
import { weighted } from "./convnet-layout.js";
import { convNetLayout } from "./convnet-networks.js";
import { contextWidth, qkvRows } from "./vit-shape.js";

/** Shapes of parameters by name. */
export type Shapes = Map<string, readonly number[]>;

/** A linear layer's weight `[out, in]` and bias. */
export function addLinear(shapes: Shapes, name: string, outputs: number, inputs: number, bias = true): void {
  shapes.set(`${name}.weight`, [outputs, inputs]);
  if (bias) shapes.set(`${name}.bias`, [outputs]);
}

/** Weight and bias of a layer norm. */
export function addLayerNorm(shapes: Shapes, name: string, width: number): void {
  for (const part of ["weight", "bias"]) shapes.set(`${name}.${part}`, [width]);
}

/** The parameters of a transformer's block. */
export function addBlock(shapes: Shapes, { embedDim, blocks, qkvBias }: EncoderConfig, index: number): void {
  const { attention, mlp } = blocks[index];
  const block = `blocks.${index}`;
  const reads = ({ inputs }: { inputs?: readonly number[] }) => inputs?.length ?? embedDim;
  const writes = ({ outputs }: { outputs?: readonly number[] }) => outputs?.length ?? embedDim;
  if (attention) {
    addLayerNorm(shapes, `${block}.norm1`, embedDim);
    addLinear(shapes, `${block}.attn.qkv`, qkvRows(attention), reads(attention), qkvBias);
    addLinear(shapes, `${block}.attn.proj`, writes(attention), contextWidth(attention));
  }
  if (mlp) {
    addLayerNorm(shapes, `${block}.norm2`, embedDim);
    addLinear(shapes, `${block}.mlp.fc1`, mlp.hidden, reads(mlp));
    addLinear(shapes, `${block}.mlp.fc2`, writes(mlp), mlp.hidden);
  }
}

function vitParameters(config: ViTConfig): Shapes {
  const { embedDim: dim, inChannels, patchSize, numClasses, classToken, distilled } = config;
  const shapes: Shapes = new Map();

  if (classToken) shapes.set("cls_token", [1, 1, dim]);
  if (distilled) shapes.set("dist_token", [1, 1, dim]);
  const tokens = (config.imageSize / patchSize) ** 2 + Number(classToken) + Number(distilled);
  shapes.set("pos_embed", [1, tokens, dim]);
  shapes.set("patch_embed.proj.weight", [dim, inChannels, patchSize, patchSize]).set("patch_embed.proj.bias", [dim]);
  for (const index of config.blocks.keys()) addBlock(shapes, config, index);
  addLayerNorm(shapes, config.pool === "avg" ? "fc_norm" : "norm", dim);
  addLinear(shapes, "head", numClasses, dim);
  if (distilled) addLinear(shapes, "head_dist", numClasses, dim);
  for (const exit of config.exits ?? []) {
    addLayerNorm(shapes, `exits.${exit}.norm`, dim);
    addLinear(shapes, `exits.${exit}.head`, numClasses, dim);
  }
  return shapes;
}

function mlpParameters(config: MlpConfig): Shapes {
  const shapes: Shapes = new Map();
  for (const [index, [inputs, outputs]] of mlpWidths(config).entries()) {
    addLinear(shapes, `lin.${index}`, outputs, inputs, config.bias);
  }
  return shapes;
}

/** Inputs and outputs of each layer of an MLP. */
export function mlpWidths({ inputs, hidden, numClasses }: MlpConfig): [inputs: number, outputs: number][] {
  return [...hidden, numClasses].map((width, index) => [index === 0 ? inputs : hidden[index - 1], width]);
}

/** Weight, bias, and the statistics that evaluation normalises by. */
function addBatchNorm(shapes: Shapes, name: string, channels: number): void {
  for (const part of ["weight", "bias", "running_mean", "running_var"]) shapes.set(`${name}.${part}`, [channels]);
}

function convNetParameters(config: ConvNetConfig): Shapes {
  const shapes: Shapes = new Map();
  const layout = convNetLayout(config);
  for (const part of weighted(layout)) {
    if ("scale" in part) shapes.set(`${part.scale}.weight`, [part.channels, 1, 1]);
    else {
      const { conv, norm, channels, inputs, kernel, bias } = part;
      shapes.set(`${conv}.weight`, [channels, inputs, kernel, kernel]);
      if (bias) shapes.set(`${conv}.bias`, [channels]);
      addBatchNorm(shapes, norm, channels);
    }
  }
  addLinear(shapes, "fc", config.numClasses, layout.features.channels);
  return shapes;
}

/** Whether a parameter is a running mean or variance of a batch norm: part of the model, but not trained and not pruned. */
export const isStatistic = (name: string): boolean => /(^|\.)running_(mean|var)$/.test(name);

/** Whether a parameter is the weight or bias of a layer norm, or of a batch norm, which is known by the statistics beside it. */
export function isNorm(name: string, parameters: { has(name: string): boolean }): boolean {
  const [, layer] = /^(.*)\.(?:weight|bias)$/.exec(name) ?? [];
  return layer !== undefined && (/(^|[._])norm\d*$/.test(layer) || parameters.has(`${layer}.running_mean`));
}

/**
 * Names and shapes of a model's parameters in the order of the forward pass: timm's for a ViT, `lin.N.weight` and `lin.N.bias` for an MLP, for a
 * convolutional network those of the code that it comes from. Linear weights are `[out, in]`, those of convolutions `[out, in, height, width]`.
 */
export function expectedParameters(config: ModelConfig): Map<string, readonly number[]> {
  if (config.architecture === "vit") return vitParameters(config);
  return config.architecture === "mlp" ? mlpParameters(config) : convNetParameters(config);
}

/**
 * Parameters of a model: up to how many a config may ask for. Far more than one buffer of any device holds, and few
 * enough that no array for them is refused.
 */
export const MAX_PARAMETERS = 2 ** 30;

/** The number of a model's parameters; running statistics are none. */
export function parameterCount(config: ModelConfig): number {
  let count = 0;
  for (const [name, shape] of expectedParameters(config)) {
    if (!isStatistic(name)) count += shape.reduce((size, extent) => size * extent, 1);
  }
  return count;
}

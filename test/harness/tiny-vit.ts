/** A small random ViT and random data for it: fast on every driver. */
import type { Gpu } from "../../src/gpu/index.js";
import {
  arrayDataset,
  type Dataset,
  type FloatTensor,
  inputSpec,
  parseModelConfig,
  type ViTConfig,
} from "../../src/io/index.js";
import { initialViTWeights, ViT } from "../../src/nn/index.js";
import { normals, randomGenerator } from "./random.js";

export const TINY_JSON = {
  img_size: 8,
  patch_size: 4,
  in_chans: 1,
  embed_dim: 16,
  depth: 2,
  num_heads: 2,
  mlp_ratio: 2,
  num_classes: 4,
};

export const tinyConfig = (changes: Record<string, unknown> = {}): ViTConfig =>
  parseModelConfig({ ...TINY_JSON, ...changes }, "tiny") as ViTConfig;

/** Initial weights with noise on everything, so that biases and norms matter too. */
export function noisyWeights(config: ViTConfig, seed: number, scale = 0.2): Map<string, FloatTensor> {
  let salt = 0;
  return new Map(
    [...initialViTWeights(config, seed)].map(([name, { shape, data }]) => {
      const noise = normals(data.length, seed * 1000 + salt++, scale);
      return [name, { shape, data: data.map((value, i) => value + noise[i]) }];
    }),
  );
}

export function tinyViT(gpu: Gpu, seed = 1, changes: Record<string, unknown> = {}): ViT {
  const config = tinyConfig(changes);
  return new ViT(gpu, config, noisyWeights(config, seed));
}

/** Images whose brightest quadrant is their class: learnable in a few steps. */
export function quadrantData(length: number, seed: number, config = tinyConfig()): Dataset {
  const { imageSize: side, inChannels } = config;
  const random = randomGenerator(seed);
  const labels = Int32Array.from({ length }, () => Math.floor(random() * 4));
  const data = Float32Array.from({ length: length * inChannels * side * side }, (_, i) => {
    const sample = Math.floor(i / (inChannels * side * side));
    const y = Math.floor(i / side) % side;
    const x = i % side;
    const quadrant = (y >= side / 2 ? 2 : 0) + (x >= side / 2 ? 1 : 0);
    return (quadrant === labels[sample] ? 1 : 0) + 0.5 * (random() - 0.5);
  });
  return arrayDataset({ shape: [length, inChannels, side, side], data, labels }, inputSpec(config), "quadrants");
}

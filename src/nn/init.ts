/** Fresh weights for a config, from a seed: the same on every machine. */

import type { ConvNetConfig, MlpConfig, ViTConfig } from "../io/config.js";
import { expectedParameters, isNorm, isStatistic } from "../io/parameters.js";
import type { FloatTensor } from "../io/safetensors.js";

/** mulberry32: 32 bits of state are plenty for initial weights. */
export function uniformGenerator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Box and Muller's. */
export const normal = (uniform: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

/** Standard normal values beyond two deviations are drawn again. */
function truncatedNormal(uniform: () => number): number {
  for (;;) {
    const value = normal(uniform);
    if (Math.abs(value) <= 2) return value;
  }
}

const STANDARD_DEVIATION = 0.02;

/** ViT weights as timm draws them: truncated normals of deviation 0.02 for matrices, tokens and positions; ones for norms; zeros for biases. */
export const initialViTWeights = (config: ViTConfig, seed: number): Map<string, FloatTensor> =>
  drawViTWeights(expectedParameters(config), seed);

/** The same for some of a ViT's parameters, by shape. */
export function drawViTWeights(shapes: ReadonlyMap<string, readonly number[]>, seed: number): Map<string, FloatTensor> {
  const uniform = uniformGenerator(seed);
  const weights = new Map<string, FloatTensor>();
  for (const [name, shape] of shapes) {
    const length = shape.reduce((product, extent) => product * extent, 1);
    const isBias = name.endsWith(".bias");
    const fanIn = length / shape[0];
    // The patch embedding is a convolution; its outputs should have about the variance of its inputs.
    const deviation = name === "patch_embed.proj.weight" ? Math.sqrt(1 / fanIn) : STANDARD_DEVIATION;
    const value = isBias ? () => 0 : isNorm(name, shapes) ? () => 1 : () => deviation * truncatedNormal(uniform);
    weights.set(name, { shape: [...shape], data: Float32Array.from({ length }, value) });
  }
  return weights;
}

/**
 * MLP weights as torch.nn.Linear draws them: weights and biases uniform within 1 / sqrt(fan-in). For weights that is Kaiming's uniform rule with a
 * gain of 1 / sqrt(3).
 */
export function initialMlpWeights(config: MlpConfig, seed: number): Map<string, FloatTensor> {
  const uniform = uniformGenerator(seed);
  const weights = new Map<string, FloatTensor>();
  let bound = 0;
  for (const [name, shape] of expectedParameters(config)) {
    // A bias follows its weight, and has its fan-in.
    if (shape.length === 2) bound = 1 / Math.sqrt(shape[1]);
    const length = shape.reduce((product, extent) => product * extent, 1);
    const data = Float32Array.from({ length }, () => bound * (2 * uniform() - 1));
    weights.set(name, { shape: [...shape], data });
  }
  return weights;
}

/**
 * Weights as the code draws them that an architecture comes from. Convolutions: Kaiming's normal rule for ReLU, by fan-in for the PX authors' networks,
 * which draw their classifier so too, and by fan-out for torchvision's. Biases and torchvision's classifier: uniform within 1 / sqrt(fan-in). Norms
 * start as the identity, and weighted identities with ones.
 */
export function initialConvNetWeights(config: ConvNetConfig, seed: number): Map<string, FloatTensor> {
  const uniform = uniformGenerator(seed);
  const isTorchvision = config.architecture === "resnet18" || config.architecture === "resnet50";
  const expected = expectedParameters(config);
  const weights = new Map<string, FloatTensor>();
  let bound = 0;
  for (const [name, shape] of expected) {
    const length = shape.reduce((product, extent) => product * extent, 1);
    const fanIn = length / shape[0];
    let value = () => bound * (2 * uniform() - 1);
    if (shape.length === 4 || shape.length === 2) {
      // A bias follows its weight, and has its fan-in.
      bound = 1 / Math.sqrt(fanIn);
      const deviation = Math.sqrt(2 / (isTorchvision ? length / shape[1] : fanIn));
      if (shape.length === 4 || !isTorchvision) value = () => deviation * normal(uniform);
    } else if (shape.length === 3 || /\.(weight|running_var)$/.test(name)) value = () => 1;
    else if (isStatistic(name) || isNorm(name, expected)) value = () => 0;
    weights.set(name, { shape: [...shape], data: Float32Array.from({ length }, value) });
  }
  return weights;
}

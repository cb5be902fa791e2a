/** What a model keeps its weights and activations in. */
import { GpuError, UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { FloatStorage } from "../tensor/index.js";

/**
 * f32, or f16 for inference: matrices, activations and the images that they begin with are f16, while kernels compute and add up in f32. Vectors
 * (biases, norms), embeddings, gates and logits stay f32. Such a model is not trained or pruned; masks and gates lie over it as ever.
 */
export type Precision = FloatStorage;

/** How a model is made. */
export interface ModelOptions {
  /** f16 needs a device with `shader-f16`, and a ViT, DeiT or MLP. Default: f32. */
  readonly precision?: Precision;
}

/** Parameters that a model in f16 rounds: matrices, and kernels of convolutions that are matrices to it. */
export const isMatrix = (name: string, shape: readonly number[]): boolean =>
  name.endsWith(".weight") && shape.length > 1;

/** @throws GpuError where the device cannot keep a model so. */
export function checkPrecision(gpu: Gpu, precision: Precision): void {
  if (precision === "f32" || gpu.features.has("shader-f16")) return;
  throw new GpuError(
    `model: precision f16: expected a device with shader-f16, got ${gpu.info.description} without; use f32 or another adapter, \`secateur doctor\` lists them`,
  );
}

/** For what needs gradients, or changes weights. @throws UsageError for a model in f16. */
export function requireFloat32({ parameters: { precision } }: { parameters: { precision: Precision } }, what: string) {
  if (precision === "f32") return;
  throw new UsageError(`${what}: expected a model in f32, got one in ${precision}; make it without \`precision\``);
}

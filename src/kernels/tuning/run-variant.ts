/** How a workload is run by a kernel that is named. */
import type { Gpu } from "../../gpu/index.js";
import { type MatmulBuffers, type MatmulOptions, matmul } from "../matmul.js";
import type { MatmulVariant } from "../matmul-variant.js";
import type { MatmulWorkload } from "./choices.js";

/** Computes a product by the kernel that is named; tests pass one that computes wrongly. */
export type VariantRunner = (
  gpu: Gpu,
  variant: MatmulVariant,
  workload: MatmulWorkload,
  buffers: MatmulBuffers,
  options?: MatmulOptions,
) => void;

export const runVariant: VariantRunner = (gpu, variant, { order, size }, buffers, options) =>
  matmul(gpu, order, buffers, size, { ...options, variant });

/** The self-test of what a device takes untuned, and what takes its place where it fails. */
import { GpuError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { TILE_NAMES } from "../matmul-tile.js";
import { type MatmulVariant, variantFits } from "../matmul-variant.js";
import type { MatmulWorkload } from "./choices.js";
import { isProven } from "./proofs.js";
import type { VariantRunner } from "./run-variant.js";
import { untunedVariant } from "./tune.js";
import { vitWorkloads } from "./workloads.js";

/** What stands for all products: a layer's, its input gradient's and its weight gradient's, with a mask. */
const LAYER: readonly MatmulWorkload[] = (["nt", "nn", "tn"] as const).map((order) => ({
  order,
  masked: true,
  size: { m: 197, n: 192, k: 192 },
}));

/**
 * Tests the kernels that the device takes untuned. @returns none when they compute right, else the one that must take their place, with a warning.
 * @throws GpuError when not even a kernel without subgroups computes right.
 */
export async function shippedFallback(gpu: Gpu, run?: VariantRunner): Promise<MatmulVariant | undefined> {
  const passes = async (variant: MatmulVariant) => {
    for (const workload of LAYER) if (!(await isProven(gpu, variant, workload, run))) return false;
    return true;
  };
  const shipped = [...new Set(vitWorkloads().map(({ workload }) => untunedVariant(gpu, workload)))];
  const wrong: MatmulVariant[] = [];
  for (const variant of shipped) if (!(await passes(variant))) wrong.push(variant);
  if (wrong.length === 0) return undefined;
  await gpu.sync(); // a lost device says more
  const portable = TILE_NAMES.map((name) => `tile ${name}` as const).filter((variant) => variantFits(gpu, variant));
  for (const variant of portable) {
    if (!(await passes(variant))) continue;
    console.warn(
      `secateur: kernels ${wrong.join(", ")} compute wrongly on ${gpu.info.description}; products are left to ${variant}`,
    );
    return variant;
  }
  throw new GpuError(
    `device: expected a matrix product to be computed right, got wrong ones from every kernel on ${gpu.info.description}; use another adapter`,
  );
}

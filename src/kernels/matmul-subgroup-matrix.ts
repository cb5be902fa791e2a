/** Products on a device's matrix units: operands rounded to f16, sums in f32. */
import { KernelError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { epilogue, type MatmulCall, operandConstants, operands } from "./matmul-call.js";
import { tileCount } from "./matmul-tile.js";
import * as shaders from "./shaders.gen.js";
import { withWeightTerm } from "./weight-term.js";

const FEATURE = "chromium-experimental-subgroup-matrix" as GPUFeatureName;

/** Whether the device has matrix units for f16 with sums in f32, and subgroups of one size. */
export function matricesFit({ features, info, limits }: Gpu): boolean {
  const { matrixSides, subgroupSize } = info;
  if (!features.has(FEATURE) || !features.has("shader-f16") || !matrixSides || subgroupSize === undefined) return false;
  const { m, n, k } = matrixSides;
  const bytes = 2 * 4 * m * 2 * k + 2 * 2 * k * 4 * n + 4 * 2 * m * 4 * n;
  return bytes <= limits.maxComputeWorkgroupStorageSize && 4 * subgroupSize <= limits.maxComputeInvocationsPerWorkgroup;
}

export function subgroupMatrix(call: MatmulCall): void {
  const { gpu, order, size } = call;
  const { m, n, k, batch = 1 } = size;
  const { matrixSides: sides, subgroupSize } = gpu.info;
  if (!matricesFit(gpu) || !sides || subgroupSize === undefined) {
    throw new KernelError(
      `matmul ${order} ${m} x ${n} x ${k}: subgroup matrix variant: expected a device with f16 matrices, got ${gpu.info.description}; use variant "tile"`,
    );
  }
  const end = epilogue(call);
  gpu.dispatch(withWeightTerm(shaders.matmul_subgroup_matrix, call.options.term), {
    buffers: { ...operands(call), ...end.buffers },
    params: { m, n, k, batches: batch },
    constants: {
      ...{ ...operandConstants(call), ...end.constants },
      ...{ SIDE_M: sides.m, SIDE_N: sides.n, SIDE_K: sides.k, LANES: subgroupSize },
      ...(call.options.storage === "f16" && { Operand: "f16" }),
    },
    groups: tileCount(size, 4 * sides.m, 4 * sides.n),
  });
}

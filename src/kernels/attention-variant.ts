/** Which attention kernel runs: the one place that knows which device and head dimension likes which. */
import { KernelError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { type FloatStorage, loadWidth } from "./elements.js";
import { LANES_EXPECTED, runsLanes } from "./lanes.js";

/**
 * `lane`: one subgroup a workgroup, products by broadcasts; for software drivers with subgroups of 4 or 8 and head dimensions in whole vec4.
 * `row`: one invocation a query or key, any device and shape.
 */
export type AttentionVariant = "lane" | "row";

/** Lanes of the device's subgroups, where the lane kernels can use them. */
function usableLanes(gpu: Gpu, headDim: number): number | undefined {
  return runsLanes(gpu) && headDim % 4 === 0 ? gpu.info.subgroupSize : undefined;
}

/** Constants of the chosen kernels, the rows that one workgroup takes, and the elements in one value of their buffers. */
export interface AttentionPlan {
  readonly variant: AttentionVariant;
  readonly constants: Readonly<Record<string, number | string>>;
  readonly rows: number;
  readonly width: 1 | 4;
}

/** @throws KernelError when the variant asked for cannot run here. */
export function planAttention(
  gpu: Gpu,
  headDim: number,
  wanted?: AttentionVariant,
  storage: FloatStorage = "f32",
): AttentionPlan {
  const lanes = usableLanes(gpu, headDim);
  const variant = wanted ?? (gpu.info.software && lanes ? "lane" : "row");
  const width = loadWidth(headDim);
  if (variant === "row") {
    const rows = gpu.info.software ? 8 : 64;
    return { variant, constants: { ...operandConstants(width, storage), GROUP: rows }, rows, width };
  }
  if (!lanes) {
    const got = `${gpu.info.subgroupSize ?? "no fixed subgroups"} and ${headDim}`;
    throw new KernelError(
      `attention: lane variant: expected ${LANES_EXPECTED} and a head dimension in steps of 4, got ${got}; use variant "row"`,
    );
  }
  return { variant, constants: { LANES: lanes, ...storedConstant(width, storage) }, rows: 4 * lanes, width };
}

/** The value types of shaders/shared/attention_operands.wgsl. */
export const operandConstants = (width: 1 | 4, storage: FloatStorage = "f32"): Readonly<Record<string, string>> => ({
  ...(width === 4 && { Value: "vec4f", ONES: "vec4f(1.0)" }),
  ...storedConstant(width, storage),
});

const storedConstant = (width: 1 | 4, storage: FloatStorage): Readonly<Record<string, string>> =>
  storage === "f32" ? {} : { Stored: width === 4 ? "vec4h" : "f16" };

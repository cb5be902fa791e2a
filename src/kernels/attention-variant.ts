/** Which attention kernel runs: the one place that knows which device and shape likes which. */
import { KernelError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { type FloatStorage, loadWidth, quadConstants } from "./elements.js";
import { LANES_EXPECTED, runsLanes } from "./lanes.js";

/**
 * `short`: one subgroup a workgroup, a lane's rows in its registers; for software drivers with subgroups of 4 or 8 and head dimensions up to 16.
 * `lane`: the same devices, products by tiles; for head dimensions in whole vec4.
 * `row`: one invocation a query or key, any device and shape.
 */
export type AttentionVariant = "short" | "lane" | "row";

/** What decides: elements of a head, and the rows (queries, or keys for their gradients) that are shared out. */
export interface AttentionRows {
  readonly headDim: number;
  readonly rows: number;
}

/** Heads of 32 take 0.7 of the time by tiles, and lavapipe two and a half times as long to compile as heads of 16. */
const LONGEST_SHORT = 16;

/** Constants of the chosen kernels, the rows that one workgroup takes, and the elements in one unit of offsets and strides. */
export interface AttentionPlan {
  readonly variant: AttentionVariant;
  readonly constants: Readonly<Record<string, number | string>>;
  readonly rows: number;
  readonly width: 1 | 4;
}

/** @throws KernelError when the variant asked for cannot run here. */
export function planAttention(
  gpu: Gpu,
  { headDim, rows }: AttentionRows,
  wanted?: AttentionVariant,
  storage: FloatStorage = "f32",
): AttentionPlan {
  const width = loadWidth(headDim);
  const able = {
    short: runsLanes(gpu) && headDim <= LONGEST_SHORT,
    lane: runsLanes(gpu) && width === 4,
    row: true,
  };
  const best = able.short ? "short" : able.lane ? "lane" : "row";
  const variant = wanted ?? (gpu.info.software ? best : "row");
  if (!able[variant]) {
    const heads = variant === "short" ? `up to ${LONGEST_SHORT}` : "in steps of 4";
    const got = `${gpu.info.subgroupSize ?? "no fixed subgroups"} and ${headDim}`;
    throw new KernelError(
      `attention: ${variant} variant: expected ${LANES_EXPECTED} and a head dimension ${heads}, got ${got}; use variant "row"`,
    );
  }
  if (variant === "row") {
    const group = gpu.info.software ? 8 : 64;
    return { variant, constants: { ...operandConstants(width, storage), GROUP: group }, rows: group, width };
  }
  const lanes = gpu.info.subgroupSize!;
  if (variant === "short") {
    const own = ownRows(rows, lanes);
    return { variant, constants: shortConstants(lanes, own, headDim, storage), rows: own * lanes, width: 1 };
  }
  return { variant, constants: { LANES: lanes, ...storedConstant(width, storage) }, rows: 4 * lanes, width };
}

/** Rows of a lane, at least 2: the fewest with which no more workgroups are needed than with 4. */
function ownRows(rows: number, lanes: number): number {
  const groups = Math.ceil(rows / (4 * lanes));
  return Math.max(2, Math.ceil(rows / (groups * lanes)));
}

/** Constants of shaders/shared/own_rows.wgsl. */
const shortConstants = (lanes: number, own: number, headDim: number, storage: FloatStorage) => ({
  LANES: lanes,
  OWN: own,
  Own: `vec${own}f`,
  Block: `mat4x${own}f`,
  DEPTH: Math.ceil(headDim / 4),
  ...(quadConstants(loadWidth(headDim), { storage }) as Readonly<Record<string, number | string>>),
});

/** The value types of shaders/shared/attention_operands.wgsl. */
export const operandConstants = (width: 1 | 4, storage: FloatStorage = "f32"): Readonly<Record<string, string>> => ({
  ...(width === 4 && { Value: "vec4f", ONES: "vec4f(1.0)" }),
  ...storedConstant(width, storage),
});

const storedConstant = (width: 1 | 4, storage: FloatStorage): Readonly<Record<string, string>> =>
  storage === "f32" ? {} : { Stored: width === 4 ? "vec4h" : "f16" };

/** Which attention kernel runs: the one place that knows which device and shape likes which. */
import { KernelError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { type FloatStorage, loadWidth, quadConstants } from "./elements.js";
import { LANES_EXPECTED, runsLanes } from "./lanes.js";
import { attentionRefused } from "./tuning/attention-uses.js";

/**
 * `stream`: one subgroup a workgroup, on whose stack keys stay while queries pass by; for lavapipe, the software driver with subgroups of 8.
 * `short`: one subgroup a workgroup, a lane's rows in its registers; for subgroups of 4, SwiftShader's, and head dimensions up to 16.
 * `lane`: the same devices, products by tiles; for head dimensions in whole vec4.
 * `row`: one invocation a query or key, any device and shape.
 */
export type AttentionVariant = "stream" | "short" | "lane" | "row";

/** What decides: elements of a head, and how many rows there are of what. */
export interface AttentionRows {
  readonly headDim: number;
  /** Rows that are shared out: queries, or keys for their gradients. */
  readonly rows: number;
  /** Rows that each of them meets. */
  readonly others: number;
  /** Heads of all images. */
  readonly heads: number;
}

/** Constants of the chosen kernels, workgroups for the rows of a head, and the elements in one unit of offsets and strides. */
export interface AttentionPlan {
  readonly variant: AttentionVariant;
  readonly constants: Readonly<Record<string, number | string | boolean>>;
  readonly tiles: number;
  readonly width: 1 | 4;
}

/** Heads of 32 take 0.7 of the time by tiles. */
const LONGEST_SHORT = 16;
/** Elements of a head that a lane of `stream` may have. */
const LONGEST_LANE = 16;

/** What the device likes for the shape; `row` where that was refused because it computes wrongly here. @throws KernelError when the variant asked for cannot run here. */
export function planAttention(
  gpu: Gpu,
  size: AttentionRows,
  wanted?: AttentionVariant,
  storage: FloatStorage = "f32",
): AttentionPlan {
  const { headDim, rows } = size;
  const width = loadWidth(headDim);
  const lanes = runsLanes(gpu) ? gpu.info.subgroupSize! : 0;
  const able = {
    stream: headDim <= LONGEST_LANE * lanes,
    short: lanes > 0 && headDim <= LONGEST_SHORT,
    lane: lanes > 0 && width === 4,
    row: true,
  };
  const shipped = gpu.info.software ? best(able, lanes) : "row";
  const variant = wanted ?? (attentionRefused(gpu, shipped) ? "row" : shipped);
  if (!able[variant]) refuse(gpu, variant, headDim);
  const kernel = {
    stream: () => ({ constants: streamConstants(lanes, size, storage), width: 1 as const }),
    short: () => ({ constants: shortConstants(lanes, ownRows(rows, lanes), headDim, storage), width: 1 as const }),
    lane: () => ({ constants: { LANES: lanes, ...storedConstant(width, storage) }, width }),
    row: () => ({ constants: { ...operandConstants(width, storage), GROUP: gpu.info.software ? 8 : 64 }, width }),
  }[variant]();
  return forRows({ variant, ...kernel }, size);
}

/** The kernels of a plan for other rows. */
export function forRows(kernel: Omit<AttentionPlan, "tiles">, size: AttentionRows): AttentionPlan {
  const { LANES, OWN, GROUP } = kernel.constants as Readonly<Record<string, number>>;
  const inTiles = { short: OWN * LANES, lane: 4 * LANES, row: GROUP };
  const tiles = kernel.variant === "stream" ? streamTiles(LANES, size) : Math.ceil(size.rows / inTiles[kernel.variant]);
  return { ...kernel, tiles };
}

function best(able: Readonly<Record<AttentionVariant, boolean>>, lanes: number): AttentionVariant {
  if (able.stream && lanes === 8) return "stream";
  if (able.short) return "short";
  return able.lane ? "lane" : "row";
}

function refuse(gpu: Gpu, variant: AttentionVariant, headDim: number): never {
  const heads = {
    stream: `up to ${LONGEST_LANE} a lane`,
    short: `up to ${LONGEST_SHORT}`,
    lane: "in steps of 4",
    row: "of any length",
  };
  const got = `${gpu.info.subgroupSize ?? "no fixed subgroups"} and ${headDim}`;
  throw new KernelError(
    `attention: ${variant} variant: expected ${LANES_EXPECTED} and a head dimension ${heads[variant]}, got ${got}; use variant "row"`,
  );
}

/** Groups of rows held at once: of more than 8 lavapipe does not unroll the loops, which takes three times as long. */
const MOST_GROUPS = 7;
/** For heads of more than 32 elements, if that is not all: more leave the CPU's first cache. */
const MOST_LONG_GROUPS = 5;

/** Constants of shaders/shared/head_rows.wgsl. */
function streamConstants(lanes: number, { headDim, others }: AttentionRows, storage: FloatStorage) {
  const width = loadWidth(headDim);
  const needed = Math.ceil(others / lanes);
  const short = headDim <= (needed <= MOST_GROUPS ? 64 : 32);
  const passes = Math.ceil(needed / (short ? MOST_GROUPS : MOST_LONG_GROUPS));
  const groups = Math.ceil(needed / passes);
  return {
    LANES: lanes,
    DEPTH: Math.ceil(headDim / 4),
    GROUPS: groups,
    HELD: Math.min(others, groups * lanes),
    ALL: passes === 1,
    ...(width === 4 && { Result: "vec4f" }),
    ...quadOf(width, storage),
  };
}

/** Workgroups for the cores of a CPU, and the fewest rows that are worth it to hold the others once more. */
const WORKGROUPS = 16;
const FEWEST_ROWS = 32;

function streamTiles(lanes: number, { rows, heads }: AttentionRows): number {
  const most = Math.max(1, Math.min(Math.ceil(WORKGROUPS / heads), Math.ceil(rows / FEWEST_ROWS)));
  const ofWorkgroup = Math.ceil(rows / (most * lanes)) * lanes;
  return Math.ceil(rows / ofWorkgroup); // no workgroup is left without rows
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
  ...quadOf(loadWidth(headDim), storage),
});

const quadOf = (width: 1 | 4, storage: FloatStorage) =>
  quadConstants(width, { storage }) as Readonly<Record<string, number | string>>;

/** The value types of shaders/shared/attention_operands.wgsl. */
export const operandConstants = (width: 1 | 4, storage: FloatStorage = "f32"): Readonly<Record<string, string>> => ({
  ...(width === 4 && { Value: "vec4f", ONES: "vec4f(1.0)" }),
  ...storedConstant(width, storage),
});

const storedConstant = (width: 1 | 4, storage: FloatStorage): Readonly<Record<string, string>> =>
  storage === "f32" ? {} : { Stored: width === 4 ? "vec4h" : "f16" };

/** The family of register tiles of shaders/matmul_tile.wgsl: its members, which of them a device takes, and their dispatches. */
import { KernelError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import { loadWidth, quadConstants, valueConstants } from "./elements.js";
import type { MatmulOrder, MatmulSize } from "./matmul.js";
import { epilogue, type MatmulCall, operandConstants, operands } from "./matmul-call.js";
import * as shaders from "./shaders.gen.js";
import { withWeightTerm } from "./weight-term.js";

/** Rows x columns x depth of the tile in workgroup memory, then rows x columns an invocation. */
export const TILE_NAMES = [
  "32x32x8/4x4",
  "32x32x32/4x4",
  "64x64x16/4x4",
  "64x64x16/8x4",
  "64x64x8/8x8",
  "128x64x16/8x8",
  "128x128x8/8x8",
  "128x128x16/8x8",
  "128x128x16/16x8",
] as const;
/** A member of the family of tiles: rows x columns x depth of the tile, then rows x columns an invocation. */
export type TileName = (typeof TILE_NAMES)[number];

export interface TileShape {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly threadRows: number;
  readonly threadColumns: number;
}

export function tileShape(name: TileName): TileShape {
  const [rows, columns, depth, threadRows, threadColumns] = name.split(/[x/]/).map(Number);
  return { rows, columns, depth, threadRows, threadColumns };
}

/** Whether the device has the invocations and the workgroup memory. */
export function tileFits({ limits }: Gpu, name: TileName): boolean {
  const { rows, columns, depth, threadRows, threadColumns } = tileShape(name);
  const threads = (rows / threadRows) * (columns / threadColumns);
  const bytes = 16 * depth * (rows / 4 + 1 + columns / 4 + 1) + 8;
  const invocations = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  return threads <= invocations && bytes <= limits.maxComputeWorkgroupStorageSize;
}

/** A GPU with fewer workgroups than this in flight idles; more partial products than needed only cost memory traffic. */
const WANTED_GROUPS = 256;
const SHORTEST_CHUNK = 128;

/**
 * From large to small, by the vendor's name in WebGPU; the last is for outputs of few tiles. Of GPUs none was measured: these are what is
 * published for kernels of this kind.
 */
const PREFERRED: Readonly<Record<string, readonly TileName[]>> = {
  nvidia: ["128x128x8/8x8", "64x64x16/8x4", "32x32x8/4x4"],
  amd: ["128x64x16/8x8", "64x64x16/4x4", "32x32x8/4x4"],
  intel: ["64x64x16/4x4", "32x32x8/4x4"],
  apple: ["64x64x16/4x4", "32x32x8/4x4"],
};
const PORTABLE: readonly TileName[] = ["64x64x16/4x4", "32x32x8/4x4"];

/** The largest tile of which there are enough to fill a GPU. Software drivers fill their cores with any. */
export function chooseTile(gpu: Gpu, size: MatmulSize): TileName {
  if (gpu.info.software) return "64x64x16/4x4";
  const names = (PREFERRED[gpu.info.vendor] ?? PORTABLE).filter((name) => tileFits(gpu, name));
  return names.find((name) => tilesOf(size, tileShape(name)) >= WANTED_GROUPS) ?? names[names.length - 1];
}

/** Workgroups for tiles of rows x columns over the outputs of a batch. */
export const tileCount = ({ m, n, batch = 1 }: MatmulSize, rows: number, columns: number): number =>
  Math.ceil(m / rows) * Math.ceil(n / columns) * batch;

const tilesOf = (size: MatmulSize, { rows, columns }: TileShape): number => tileCount(size, rows, columns);

/** Blocks of a mask that a tile may skip: depths of all tiles divide it. */
const BLOCK = constantNumber(shaders.matmul_tile, "BLOCK");

/** How `split` cuts k: `splits` chunks of `chunk`, whole blocks of a mask. */
export function splitK(size: MatmulSize, shape: TileShape): { splits: number; chunk: number } {
  const wanted = Math.ceil(WANTED_GROUPS / tilesOf(size, shape));
  const possible = Math.max(1, Math.floor(size.k / SHORTEST_CHUNK));
  const chunk = Math.ceil(size.k / Math.min(wanted, possible) / BLOCK) * BLOCK;
  return { splits: Math.ceil(size.k / chunk), chunk };
}

/** Lengths of the rows of both operands as they are stored. */
export const storedRows = (order: MatmulOrder, { m, n, k }: MatmulSize): number[] =>
  ({ nn: [k, n], nt: [k], tn: [m, n] })[order];

/** @throws KernelError for a tile that the device has no room for. */
function fittingShape({ gpu, order, size: { m, n, k } }: MatmulCall, name: TileName): TileShape {
  if (!tileFits(gpu, name)) {
    throw new KernelError(
      `matmul ${order} ${m} x ${n} x ${k}: tile ${name}: expected a device with the invocations and the workgroup memory, got ${gpu.info.description}; use variant "tile"`,
    );
  }
  return tileShape(name);
}

const tileConstants = ({ order, size, options }: MatmulCall, shape: TileShape) => ({
  ROWS: shape.rows,
  COLUMNS: shape.columns,
  DEPTH: shape.depth,
  ROW_QUADS: shape.threadRows / 4,
  COLUMN_QUADS: shape.threadColumns / 4,
  ...valueConstants(shaders.matmul_tile, loadWidth(size.n)),
  ...quadConstants(loadWidth(...storedRows(order, size)), options),
});

export function tile(call: MatmulCall, name: TileName = chooseTile(call.gpu, call.size)): void {
  const { m, n, k, batch = 1 } = call.size;
  const shape = fittingShape(call, name);
  const width = loadWidth(n);
  const end = epilogue(call, width);
  call.gpu.dispatch(withWeightTerm(shaders.matmul_tile, call.options.term, width), {
    buffers: { ...operands(call), ...end.buffers },
    params: { m, n, k, batches: batch, splits: 1, chunk: k },
    constants: { ...operandConstants(call), ...end.constants, ...tileConstants(call, shape) },
    groups: tilesOf(call.size, shape),
  });
}

export function split(call: MatmulCall, name: TileName = chooseTile(call.gpu, call.size)): void {
  const { gpu, size } = call;
  const { m, n, k, batch = 1 } = size;
  const shape = fittingShape(call, name);
  const { splits, chunk } = splitK(size, shape);
  const partials = gpu.allocate(4 * batch * splits * m * n);
  const width = loadWidth(n);
  const end = epilogue(call, width);
  const skips = end.constants.MASK_OUT && !end.constants.PREACTIVATION;
  gpu.dispatch(shaders.matmul_tile, {
    buffers: { ...operands(call), ...end.buffers, out: partials },
    params: { m, n, k, batches: batch, splits, chunk },
    constants: { ...operandConstants(call), ...tileConstants(call, shape), MASK_OUT: skips },
    groups: tilesOf(size, shape) * splits,
  });
  gpu.dispatch(withWeightTerm(shaders.matmul_sum, call.options.term, width), {
    buffers: { partials, ...end.buffers },
    params: { values: (m * n) / width, row_values: n / width, splits, batches: batch },
    constants: { ...end.constants, ...valueConstants(shaders.matmul_sum, width) },
    groups: Math.ceil((batch * m * n) / width / constantNumber(shaders.matmul_sum, "GROUP")),
  });
}

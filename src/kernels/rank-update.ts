import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements } from "./elements.js";
import { runsLanes } from "./lanes.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

const TILE = constantNumber(shaders.rank_update_tile, "TILE");

/** Which part of the product is added, and where. */
export interface RankUpdateSize {
  /** Rows of out. */
  readonly rows: number;
  /** Columns of b and out. */
  readonly columns: number;
  /** Rows of a and b: the length of the sums. */
  readonly depth: number;
  /** Columns of a, of which the first `rows` count; default `rows`. */
  readonly pitch?: number;
  /** Columns of out before this one, a multiple of four, stay as they are; default 0. */
  readonly firstColumn?: number;
  /** Factor of the product; default 1. */
  readonly scale?: number;
  /**
   * For products that are symmetric over their first `triangle` columns: tiles of at most 64 x 64 above the diagonal stay as they are there.
   * `triangle` is a multiple of 64, or `columns`.
   */
  readonly triangle?: number;
  /** Writes to the tiles above the diagonal what went below: out is symmetric before and after. */
  readonly mirror?: boolean;
}

/**
 * out[:, firstColumn ...] += scale * (a^T b)[:, firstColumn ...] in place, f32: for parts of matrices, which `matmul` cannot address. a: [depth,
 * pitch], b: [depth, columns], out: [rows, columns], row-major. 2 rows columns depth operations, half of that with `triangle` = columns.
 * @throws ShapeError when a buffer is too short.
 */
export function rankUpdate(
  gpu: Gpu,
  buffers: { a: BufferLike; b: BufferLike; out: BufferLike },
  { rows, columns, depth, pitch = rows, firstColumn = 0, scale = 1, triangle = 0, mirror = false }: RankUpdateSize,
): void {
  requireSizes("rankUpdate", { rows, columns, depth, pitch });
  requireElements("rankUpdate", buffers, { a: (depth - 1) * pitch + rows, b: depth * columns, out: rows * columns });
  const inLanes = gpu.info.software && runsLanes(gpu) && loadWidth(rows, columns, pitch) === 4;
  const lanes = gpu.info.subgroupSize as number;
  const side = inLanes ? 4 * lanes : TILE;
  const call = {
    buffers,
    params: { rows, columns, first_column: firstColumn, depth, a_pitch: pitch, triangle, scale },
    groups: Math.ceil(rows / side) * Math.ceil((columns - firstColumn) / side),
  };
  if (inLanes) gpu.dispatch(shaders.rank_update_lane, { ...call, constants: { LANES: lanes, MIRROR: mirror } });
  else gpu.dispatch(shaders.rank_update_tile, { ...call, constants: { MIRROR: mirror } });
}

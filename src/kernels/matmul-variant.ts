/** Which matmul kernel runs: the one place that knows which device and shape likes which. */
import type { Gpu } from "../gpu/index.js";
import type { MatmulOrder, MatmulSize } from "./matmul.js";
import type { MatmulCall } from "./matmul-dispatch.js";

/**
 * `lane`: one subgroup a workgroup, operands handed around by broadcasts; for software drivers with subgroups of 4 or 8 and rows of whole vec4.
 * `tile`: 64 x 64 tiles in workgroup memory, any device and shape. `split`: the same with the sum over k cut into chunks, for outputs of so few
 * tiles that a GPU would idle. `row`: one row times a matrix, any device and shape. `outer`: the outer product of two vectors.
 */
export type MatmulVariant = "lane" | "tile" | "split" | "row" | "outer";

export const TILE = 64;
const DEPTH = 16;
/** A GPU with fewer workgroups than this in flight idles; more partial products than needed only cost memory traffic. */
const WANTED_GROUPS = 256;
const SHORTEST_CHUNK = 128;

/** Workgroups for tiles of rows x columns over the outputs of a batch. */
export const tileCount = ({ m, n, batch = 1 }: MatmulSize, rows: number, columns: number): number =>
  Math.ceil(m / rows) * Math.ceil(n / columns) * batch;

/** How `split` cuts k: `splits` chunks of `chunk`, a multiple of the kernel's DEPTH. */
export function splitK(size: MatmulSize): { splits: number; chunk: number } {
  const wanted = Math.ceil(WANTED_GROUPS / tileCount(size, TILE, TILE));
  const possible = Math.max(1, Math.floor(size.k / SHORTEST_CHUNK));
  const chunk = Math.ceil(size.k / Math.min(wanted, possible) / DEPTH) * DEPTH;
  return { splits: Math.ceil(size.k / chunk), chunk };
}

/** Whether the lane kernel can run here: it reads whole vec4 along the rows of both operands. */
export function lanesFit(gpu: Gpu, order: MatmulOrder, { m, n, k }: MatmulSize): boolean {
  const lanes = gpu.info.subgroupSize;
  const rows = { nn: [k, n], nt: [k], tn: [m, n] }[order];
  return gpu.features.has("subgroups") && (lanes === 4 || lanes === 8) && rows.every((length) => length % 4 === 0);
}

/** Whether the row kernel can run. */
export const rowFits = (order: MatmulOrder, { m }: MatmulSize): boolean => m === 1 && order !== "tn";

/** Whether the kernel for outer products can run: one product, with the epilogue of gradients of weights. */
export function outerFits({ order, size: { k, batch = 1 }, buffers, options }: MatmulCall): boolean {
  const { bias, gate, preactivation, residual } = buffers;
  const { activation = "none" } = options;
  const plain = activation === "none" && !(bias || gate || preactivation || residual);
  return order === "tn" && k === 1 && batch === 1 && plain;
}

/** What fits the shape best where a tile would be all but empty, or else the device. */
export function chooseVariant(call: MatmulCall): MatmulVariant {
  if (rowFits(call.order, call.size)) return "row";
  return outerFits(call) ? "outer" : chooseTiles(call.gpu, call.order, call.size);
}

/** What the device likes for a product of many rows and columns. */
export function chooseTiles(gpu: Gpu, order: MatmulOrder, size: MatmulSize): "lane" | "tile" | "split" {
  if (gpu.info.software) return lanesFit(gpu, order, size) ? "lane" : "tile";
  return splitK(size).splits > 1 ? "split" : "tile";
}

/** Which convolution kernel runs: the one place that knows which device and shape likes which. */
import type { Gpu } from "../gpu/index.js";
import { type ConvExtents, type ConvProduct, productTiles } from "./conv-size.js";
import { runsLanes } from "./lanes.js";

/**
 * `lane`: one subgroup a workgroup, operands handed around by broadcasts; for software drivers with subgroups of 4 or 8. `tile`: 64 x 64 tiles in
 * workgroup memory, any device and shape. `direct`: four results an invocation, for groups of so few channels that tiles would be empty.
 */
export type ConvVariant = "lane" | "tile" | "direct";

const TILE = 64;

/**
 * Rows of a product up to which one invocation for four results beats tiles that are mostly empty: 8.6 against 13.0 ms with 2 rows, 23.7 against
 * 11.9 with 4, for 64 channels of 56 x 56 and a 3 x 3 kernel on lavapipe's lanes.
 */
const FEW_ROWS = 2;

export function chooseConvVariant(gpu: Gpu, { rows }: ConvProduct): ConvVariant {
  if (rows <= FEW_ROWS) return "direct";
  return gpu.info.software && runsLanes(gpu) ? "lane" : "tile";
}

/** Whether a lane kernel's tile has half of its rows: all that the product has fit into them. */
export const halfTile = (gpu: Gpu, { rows }: ConvProduct): boolean => rows <= 2 * (gpu.info.subgroupSize as number);

/** Rows and columns of results that one workgroup, or one invocation of `direct`, takes. */
export function tileSides(
  gpu: Gpu,
  variant: ConvVariant,
  product: ConvProduct,
): readonly [rows: number, columns: number] {
  if (variant === "direct") return [1, 4];
  if (variant === "tile") return [TILE, TILE];
  const side = 4 * (gpu.info.subgroupSize as number);
  return [halfTile(gpu, product) ? side / 2 : side, side];
}

/** Fewer workgroups than this in flight leave a device idle; more partial results than needed only cost memory traffic. */
const WANTED = { software: 16, gpu: 256 };
const SHORTEST_PIXELS = 128;
/** Bytes that partial results may take. */
const MOST_SCRATCH = 64 << 20;

/** How the weight gradient's lines of pixels are cut: `splits` runs of `chunk` lines. */
export function splitLines(gpu: Gpu, variant: ConvVariant, extents: ConvExtents, product: ConvProduct) {
  const lines = extents.batch * extents.out.height;
  const [rows, columns] = tileSides(gpu, variant, product);
  const tiles = productTiles(product, rows, columns) / (variant === "direct" ? 64 : 1);
  const wanted = Math.ceil((gpu.info.software ? WANTED.software : WANTED.gpu) / tiles);
  const possible = Math.floor((lines * extents.out.width) / SHORTEST_PIXELS);
  const fitting = Math.floor(MOST_SCRATCH / (4 * extents.lengths.weight));
  const chunk = Math.ceil(lines / Math.max(1, Math.min(wanted, possible, fitting, lines)));
  return { splits: Math.ceil(lines / chunk), chunk };
}

/** Which matmul kernel runs: the one place that knows which device and shape likes which. */
import type { Gpu } from "../gpu/index.js";
import { runsLanes } from "./lanes.js";
import type { MatmulOrder, MatmulSize } from "./matmul.js";
import type { MatmulCall } from "./matmul-call.js";
import { matricesFit } from "./matmul-subgroup-matrix.js";
import { chooseTile, splitK, TILE_NAMES, type TileName, tileFits, tileShape } from "./matmul-tile.js";
import { tunedVariant } from "./tuning/choices.js";

/**
 * `lane`: one subgroup a workgroup, operands handed around by shuffles; for software drivers with subgroups of 4 or 8, any shape.
 * `tile`: tiles in workgroup memory, any device and shape; the device and the shape choose a member of the family, or its name does. `split`: the
 * same with the sum over k cut into chunks, for outputs of so few tiles that a GPU would idle. `row`: one row times a matrix, any device and shape.
 * `outer`: the outer product of two vectors. `subgroup matrix`: matrix units, which round the operands to f16; only where it is asked for.
 */
export type MatmulVariant =
  | ("lane" | "tile" | "split" | "row" | "outer" | "subgroup matrix")
  | `${"tile" | "split"} ${TileName}`;

/** Names of all kernels for products of many rows and columns. */
export const matmulVariantNames: readonly string[] = [
  ...["lane", "tile", "split", "subgroup matrix"],
  ...TILE_NAMES.flatMap((name) => [`tile ${name}`, `split ${name}`]),
];

/** Whether the row kernel can run. */
export const rowFits = (order: MatmulOrder, { m }: MatmulSize): boolean => m === 1 && order !== "tn";

/** Whether the kernel for outer products can run: one product, with the epilogue of gradients of weights. */
export function outerFits({ order, size: { k, batch = 1 }, buffers, options }: MatmulCall): boolean {
  const { bias, gate, preactivation, residual, activated } = buffers;
  const { activation = "none", storage = "f32", resultStorage = storage } = options;
  const plain = activation === "none" && !(bias || gate || preactivation || residual || activated);
  return order === "tn" && k === 1 && batch === 1 && plain && storage === "f32" && resultStorage === "f32";
}

/** Whether a kernel for products of many rows and columns can run here. Matrix units round to f16: they fit, but nobody takes them unasked. */
export function variantFits(gpu: Gpu, variant: MatmulVariant): boolean {
  if (variant === "lane") return runsLanes(gpu);
  if (variant === "subgroup matrix") return matricesFit(gpu);
  const [kind, name] = variant.split(" ");
  return kind === "tile" || kind === "split" ? name === undefined || tileFits(gpu, name as TileName) : false;
}

/** What fits the shape best where a tile would be all but empty, or else the device. */
export function chooseVariant(call: MatmulCall): MatmulVariant {
  if (rowFits(call.order, call.size)) return "row";
  if (outerFits(call)) return "outer";
  return tunedVariant(call) ?? chooseTiles(call.gpu, call.size);
}

/** What the device likes for a product of many rows and columns. */
export function chooseTiles(gpu: Gpu, size: MatmulSize): "lane" | "tile" | "split" {
  if (gpu.info.software) return runsLanes(gpu) ? "lane" : "tile";
  return splitK(size, tileShape(chooseTile(gpu, size))).splits > 1 ? "split" : "tile";
}

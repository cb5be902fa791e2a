import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, type StorageOptions, valueConstants } from "./elements.js";
import { runsLanes } from "./lanes.js";
import { reduce } from "./reduce.js";
import { rowLanes, sharingLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";

/** The rows that are normalised. */
export interface NormSize {
  readonly rows: number;
  readonly columns: number;
  /** Elements of a row that mean and variance run over: those of x, and zeros that are left out of it. Default: `columns`. */
  readonly count?: number;
}

/** Operands of `layerNorm`. */
export interface LayerNormBuffers {
  /** rows x columns. */
  readonly x: BufferLike;
  /** columns. */
  readonly weight: BufferLike;
  /** columns. */
  readonly bias: BufferLike;
  /** rows x columns. */
  readonly y: BufferLike;
  /** rows; the mean of each row, for the gradient. */
  readonly mean: BufferLike;
  /** rows; 1 / sqrt(variance + epsilon) of each row, for the gradient. */
  readonly rstd: BufferLike;
}

/**
 * y = (x - mean) * rstd * weight + bias, with the mean and the (biased) variance over `count` elements of each row; `storage` is that of x and y.
 * @throws ShapeError when a buffer is too short.
 */
export function layerNorm(
  gpu: Gpu,
  buffers: LayerNormBuffers,
  { rows, columns, count = columns, epsilon }: NormSize & { readonly epsilon: number },
  { storage }: StorageOptions = {},
): void {
  const length = rows * columns;
  const { x, y, ...others } = buffers;
  requireElements("layerNorm", { x, y }, { x: length, y: length }, storage);
  requireElements("layerNorm", others, { weight: columns, bias: columns, mean: rows, rstd: rows });
  const width = loadWidth(columns);
  const call = { buffers, params: { rows, columns: columns / width, count, epsilon } };
  if (holdsRows(gpu, columns)) {
    const constants = { ...heldParts(columns), ...valueConstants(shaders.layer_norm_short, width, storage) };
    gpu.dispatch(shaders.layer_norm_short, { ...call, constants, groups: Math.ceil(rows / EACH) });
    return;
  }
  const { constants, groups } = sharingLanes(gpu, rows);
  gpu.dispatch(shaders.layer_norm, {
    ...call,
    constants: { ...constants, ...valueConstants(shaders.layer_norm, width, storage) },
    groups,
  });
}

const LANES = constantNumber(shaders.layer_norm_short, "LANES");
const EACH = constantNumber(shaders.layer_norm_short, "EACH");

/** Columns of rows that a subgroup holds: with fewer too many lanes are idle, and kernels for more take lavapipe a second to compile. */
const HELD_COLUMNS = { from: 48, to: 384 } as const;

/** Most loads that the kernel for short rows has in a turn. */
const TURN_LOADS = 5;

/** The row's length for that kernel, and its turns. */
function heldParts(columns: number) {
  const held = Math.ceil(columns / (4 * LANES));
  const PARTS = Math.ceil(held / TURN_LOADS);
  return { COLUMNS: columns / 4, PART: Math.ceil(held / PARTS), PARTS };
}

/** Whether a subgroup holds a row in registers. With subgroups of 4, those of SwiftShader, that takes twice as long as reading x twice. */
const holdsRows = (gpu: Gpu, columns: number): boolean =>
  gpu.info.software &&
  runsLanes(gpu) &&
  gpu.info.subgroupSize === LANES &&
  loadWidth(columns) === 4 &&
  columns >= HELD_COLUMNS.from &&
  columns <= HELD_COLUMNS.to;

/** Operands of `layerNormGrad`. */
export interface LayerNormGradBuffers {
  /** rows x columns, as given to `layerNorm`. */
  readonly x: BufferLike;
  /** columns. */
  readonly weight: BufferLike;
  /** rows, from `layerNorm`. */
  readonly mean: BufferLike;
  /** rows, from `layerNorm`. */
  readonly rstd: BufferLike;
  /** rows x columns. */
  readonly dy: BufferLike;
  /** rows x columns. */
  readonly dx: BufferLike;
  /** columns. */
  readonly dWeight: BufferLike;
  /** columns. */
  readonly dBias: BufferLike;
}

/**
 * Gradients of `layerNorm` by x, weight and bias. The parameters' sums run over parts of the rows, then over the parts, in a fixed order.
 * @throws ShapeError when a buffer is too short.
 */
export function layerNormGrad(
  gpu: Gpu,
  { x, weight, mean, rstd, dy, dx, dWeight, dBias }: LayerNormGradBuffers,
  size: NormSize,
): void {
  const { rows, columns } = size;
  const length = rows * columns;
  requireElements(
    "layerNormGrad",
    { x, weight, mean, rstd, dy, dx, dWeight, dBias },
    { x: length, weight: columns, mean: rows, rstd: rows, dy: length, dx: length, dWeight: columns, dBias: columns },
  );
  layerNormInputGrad(gpu, { x, weight, mean, rstd, dy, dx }, size);
  weightGrad(gpu, { x, mean, rstd, dy, dWeight, dBias }, rows, columns);
}

/** The part of `layerNormGrad` by x. Buffers are not checked. */
export function layerNormInputGrad(
  gpu: Gpu,
  buffers: Omit<LayerNormGradBuffers, "dWeight" | "dBias">,
  { rows, columns, count = columns }: NormSize,
): void {
  const width = loadWidth(columns);
  const { constants, groups } = rowLanes(gpu, rows);
  gpu.dispatch(shaders.layer_norm_grad, {
    buffers,
    params: { rows, columns: columns / width, count },
    constants: { ...constants, ...valueConstants(shaders.layer_norm_grad, width) },
    groups,
  });
}

const PART_ROWS = constantNumber(shaders.layer_norm_weight_grad, "ROWS");
const PART_GROUP = constantNumber(shaders.layer_norm_weight_grad, "GROUP");

function weightGrad(
  gpu: Gpu,
  { x, mean, rstd, dy, dWeight, dBias }: Omit<LayerNormGradBuffers, "weight" | "dx">,
  rows: number,
  columns: number,
): void {
  using _temporaries = gpu.scope();
  const parts = Math.ceil(rows / PART_ROWS);
  const weightParts = parts > 1 ? gpu.allocate(4 * parts * columns) : dWeight;
  const biasParts = parts > 1 ? gpu.allocate(4 * parts * columns) : dBias;
  const width = loadWidth(columns);
  const count = parts * (columns / width);
  gpu.dispatch(shaders.layer_norm_weight_grad, {
    buffers: { x, mean, rstd, dy, d_weight: weightParts, d_bias: biasParts },
    params: { rows, columns: columns / width, count },
    constants: valueConstants(shaders.layer_norm_weight_grad, width),
    groups: Math.ceil(count / PART_GROUP),
  });
  if (parts === 1) return;
  const size = { outer: parts, length: columns, inner: 1 };
  reduce(gpu, "sum", { x: weightParts, y: dWeight }, size);
  reduce(gpu, "sum", { x: biasParts, y: dBias }, size);
}

import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, type StorageOptions, valueConstants } from "./elements.js";
import { heldRows } from "./held-rows.js";
import { reduce } from "./reduce.js";
import { requireSizes } from "./require.js";
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
  requireSizes("layerNorm", { rows, columns, count });
  requireElements("layerNorm", { x, y }, { x: length, y: length }, storage);
  requireElements("layerNorm", others, { weight: columns, bias: columns, mean: rows, rstd: rows });
  const width = loadWidth(columns);
  const call = { buffers, params: { rows, columns: columns / width, count, epsilon } };
  const held = heldRows(gpu, columns, HELD_TURN.forward);
  if (held) {
    const shader = shaders.layer_norm_short;
    const constants = { ...held, ...valueConstants(shader, width, storage) };
    gpu.dispatch(shader, { ...call, constants, groups: Math.ceil(rows / constantNumber(shader, "EACH")) });
    return;
  }
  const { constants, groups } = sharingLanes(gpu, rows);
  gpu.dispatch(shaders.layer_norm, {
    ...call,
    constants: { ...constants, ...valueConstants(shaders.layer_norm, width, storage) },
    groups,
  });
}

/** vec4 of a row that are loaded in one turn where a subgroup holds it, the fastest on lavapipe; the gradient loads as many of x and of dy. */
const HELD_TURN = { forward: 5, gradient: 2 } as const;

const PART_ROWS = constantNumber(shaders.layer_norm_weight_grad, "ROWS");
const PART_GROUP = constantNumber(shaders.layer_norm_weight_grad, "GROUP");

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
  requireSizes("layerNormGrad", { rows, columns });
  requireElements(
    "layerNormGrad",
    { x, weight, mean, rstd, dy, dx, dWeight, dBias },
    { x: length, weight: columns, mean: rows, rstd: rows, dy: length, dx: length, dWeight: columns, dBias: columns },
  );
  using _temporaries = gpu.scope();
  const parts = Math.ceil(rows / PART_ROWS);
  const weightParts = parts > 1 ? gpu.allocate(4 * parts * columns) : dWeight;
  const biasParts = parts > 1 ? gpu.allocate(4 * parts * columns) : dBias;
  partGrads(gpu, { x, weight, mean, rstd, dy, dx, dWeight: weightParts, dBias: biasParts }, size, parts);
  if (parts === 1) return;
  const partSize = { outer: parts, length: columns, inner: 1 };
  reduce(gpu, "sum", { x: weightParts, y: dWeight }, partSize);
  reduce(gpu, "sum", { x: biasParts, y: dBias }, partSize);
}

/** The gradients, those by weight and bias for each part of the rows. */
function partGrads(gpu: Gpu, buffers: LayerNormGradBuffers, size: NormSize, parts: number): void {
  const { rows, columns, count = columns } = size;
  const { x, weight, mean, rstd, dy, dx, dWeight, dBias } = buffers;
  const width = loadWidth(columns);
  const params = { rows, columns: columns / width };
  const held = heldRows(gpu, columns, HELD_TURN.gradient);
  if (held) {
    const shader = shaders.layer_norm_short_grad;
    gpu.dispatch(shader, {
      buffers: { x, weight, mean, rstd, dy, dx, d_weight: dWeight, d_bias: dBias },
      params: { ...params, count },
      constants: { ...held, EACH: PART_ROWS, ...valueConstants(shader, width) },
      groups: parts,
    });
    return;
  }
  layerNormInputGrad(gpu, { x, weight, mean, rstd, dy, dx }, size);
  const values = parts * params.columns;
  gpu.dispatch(shaders.layer_norm_weight_grad, {
    buffers: { x, mean, rstd, dy, d_weight: dWeight, d_bias: dBias },
    params: { ...params, count: values },
    constants: valueConstants(shaders.layer_norm_weight_grad, width),
    groups: Math.ceil(values / PART_GROUP),
  });
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

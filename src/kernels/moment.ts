/** Sums over the rows of activations, from which a layer's calibration statistics are made. All of them add to what is there. */
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { matmul } from "./matmul.js";
import { chooseTiles } from "./matmul-variant.js";
import { rankUpdate } from "./rank-update.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Activations [rows, columns]: a row for each token of each example. */
export interface MomentSize {
  readonly rows: number;
  readonly columns: number;
}

/**
 * out += X^T X, the second moment of X's columns. x: [rows, columns], out: [columns, columns], symmetric, f32. rows * columns^2 operations: of tiles
 * that mirror each other one is computed. Where tiles are too few to fill a GPU, `matmul` splits the sums over rows instead.
 * @throws ShapeError when a buffer is too short.
 */
export function moment(gpu: Gpu, { x, out }: { x: BufferLike; out: BufferLike }, { rows, columns }: MomentSize): void {
  requireSizes("moment", { rows, columns });
  requireElements("moment", { x, out }, { x: rows * columns, out: columns * columns });
  const product = { m: columns, n: columns, k: rows };
  if (chooseTiles(gpu, product) === "split") {
    using _temporaries = gpu.scope();
    const sum = gpu.allocate(4 * columns * columns);
    matmul(gpu, "tn", { a: x, b: x, residual: out, out: sum }, product);
    gpu.copy(sum, bufferOf(out), 4 * columns * columns);
  } else {
    rankUpdate(gpu, { a: x, b: x, out }, { rows: columns, columns, depth: rows, triangle: columns, mirror: true });
  }
}

/** Rows that a workgroup sums: 64 for each of the 8 invocations of a column. Software drivers run those one after the other. */
const PART_ROWS = 512;
const SOFTWARE_PART_ROWS = 64;

/**
 * sum[c] += sum of x[:, c] - shift[c], squares[c] += sum of (x[:, c] - shift[c])^2, in a fixed order: partial sums by 512 rows, then their sum. Their
 * variance squares / rows - (sum / rows)^2 keeps its digits where shift is near the mean. x: [rows, columns], shift, sum and squares: [columns], f32.
 * 4 rows columns operations; x is read once.
 * @throws ShapeError when a buffer is too short.
 */
export function columnMoments(
  gpu: Gpu,
  { x, shift, sum, squares }: { x: BufferLike; shift: BufferLike; sum: BufferLike; squares: BufferLike },
  { rows, columns }: MomentSize,
): void {
  const needed = { x: rows * columns, shift: columns, sum: columns, squares: columns };
  requireSizes("columnMoments", { rows, columns });
  requireElements("columnMoments", { x, shift, sum, squares }, needed);
  using _temporaries = gpu.scope();
  const { software } = gpu.info;
  const width = loadWidth(columns);
  const across = software ? 8 : constantNumber(shaders.column_moments, "COLUMNS");
  const partRows = software ? SOFTWARE_PART_ROWS : PART_ROWS;
  const parts = Math.ceil(rows / partRows);
  const partials = { sums: gpu.allocate(4 * parts * columns), squares: gpu.allocate(4 * parts * columns) };
  gpu.dispatch(shaders.column_moments, {
    buffers: { x, shift, ...partials },
    params: { rows, columns: columns / width, part_rows: partRows, parts },
    constants: { ...valueConstants(shaders.column_moments, width), ...(software && { COLUMNS: across, LANES: 1 }) },
    groups: parts * Math.ceil(columns / width / across),
  });
  const call = { buffers: { ...partials, sum, square: squares }, inFours: width === 4 };
  dispatchElementwise(
    gpu,
    shaders.column_moments_add,
    { ...call, params: { columns: columns / width, parts } },
    columns,
  );
}

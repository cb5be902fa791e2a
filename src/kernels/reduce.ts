import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";
import { unitVariant } from "./units.js";

/** What `reduce` computes of each group. */
export type Reduction = "sum" | "mean" | "max" | "l2";

/** A tensor viewed as outer x length x inner; a reduction keeps `length`. */
export interface ReduceSize {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** What becomes of the terms. `product` takes x * w, `root` the square root of the result before `scale`. */
interface Terms {
  readonly max?: boolean;
  readonly product?: boolean;
  readonly root?: boolean;
  readonly scale?: number;
}

/**
 * y[j] = sum, mean, maximum or Euclidean norm of x[:, j, :], f32. Row sums: outer 1, length rows, inner columns; column sums: outer rows, length columns,
 * inner 1; the whole: length 1. Sums run in a fixed order, in parts that are summed again.
 * @throws ShapeError when a buffer is too short.
 */
export function reduce(gpu: Gpu, kind: Reduction, { x, y }: { x: BufferLike; y: BufferLike }, size: ReduceSize): void {
  requireElements(`reduce ${kind}`, { x, y }, { x: size.outer * size.length * size.inner, y: size.length });
  if (kind === "l2") reduceTerms(gpu, { x, w: x, y }, size, { product: true, root: true });
  else if (kind === "max") reduceTerms(gpu, { x, w: x, y }, size, { max: true });
  else reduceTerms(gpu, { x, w: x, y }, size, kind === "mean" ? { scale: 1 / (size.outer * size.inner) } : undefined);
}

/**
 * Gradient of `reduce`: dx[o, j, i] = dy[j], divided by outer * inner for "mean".
 * @throws ShapeError when a buffer is too short.
 */
export function reduceGrad(
  gpu: Gpu,
  kind: "sum" | "mean",
  { dy, dx }: { dy: BufferLike; dx: BufferLike },
  { outer, length, inner }: ReduceSize,
): void {
  const count = outer * length * inner;
  requireElements(`reduceGrad ${kind}`, { dy, dx }, { dy: length, dx: count });
  const params = { inner, period: length, scale: kind === "mean" ? 1 / (outer * inner) : 1 };
  const call = { buffers: { x: dy, y: dx }, params, ...unitVariant({ inner, period: length }) };
  dispatchElementwise(gpu, shaders.broadcast, call, count);
}

const ROWS = constantNumber(shaders.reduce_columns, "ROWS");
const CHUNK = constantNumber(shaders.reduce_rows, "CHUNK");

/**
 * Reduces the outer axis first, then the inner one, each in parts until one is left. The first pass forms the terms, the last one finishes.
 * Buffers are not checked.
 */
export function reduceTerms(
  gpu: Gpu,
  { x, w, y }: { x: BufferLike; w: BufferLike; y: BufferLike },
  { outer, length, inner }: ReduceSize,
  { max = false, product = false, root = false, scale = 1 }: Terms = {},
): void {
  using _temporaries = gpu.scope();
  let from = x;
  let rows = outer;
  let columns = inner;
  let first = true;
  while (first || rows > 1 || columns > 1) {
    const overRows = rows > 1;
    const parts = Math.ceil(overRows ? rows / ROWS : columns / CHUNK);
    const last = parts === 1 && (!overRows || columns === 1);
    const to = last ? y : gpu.allocate(4 * length * parts * (overRows ? columns : 1));
    const terms = { max, product: product && first, root: root && last, scale: last ? scale : 1 };
    const pass = { x: from, w: first ? w : from, y: to };
    if (overRows) {
      columnsPass(gpu, pass, rows, length * columns, terms);
      rows = parts;
    } else {
      rowsPass(gpu, pass, length, columns, terms);
      columns = parts;
    }
    from = to;
    first = false;
  }
}

type Pass = { x: BufferLike; w: BufferLike; y: BufferLike };

const termConstants = ({ max, product, root }: Required<Terms>) => ({ MAX: max, PRODUCT: product, ROOT: root });

/** y: ceil(rows / ROWS) x columns from x: rows x columns. */
function columnsPass(gpu: Gpu, buffers: Pass, rows: number, columns: number, terms: Required<Terms>): void {
  const width = loadWidth(columns);
  const count = Math.ceil(rows / ROWS) * (columns / width);
  gpu.dispatch(shaders.reduce_columns, {
    buffers,
    params: { rows, columns: columns / width, count, scale: terms.scale },
    constants: { ...termConstants(terms), ...valueConstants(shaders.reduce_columns, width) },
    groups: Math.ceil(count / constantNumber(shaders.reduce_columns, "GROUP")),
  });
}

/** y: rows x ceil(columns / CHUNK) from x: rows x columns. */
function rowsPass(gpu: Gpu, buffers: Pass, rows: number, columns: number, terms: Required<Terms>): void {
  const width = loadWidth(columns);
  const parts = Math.ceil(columns / CHUNK);
  const count = rows * parts;
  const { constants, groups } = rowLanes(gpu, count);
  gpu.dispatch(shaders.reduce_rows, {
    buffers,
    params: { columns: columns / width, parts, count, scale: terms.scale },
    constants: {
      ...constants,
      ...termConstants(terms),
      ...valueConstants(shaders.reduce_rows, width),
      CHUNK: CHUNK / width,
    },
    groups,
  });
}

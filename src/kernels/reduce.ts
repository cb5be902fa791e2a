import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { reduceUnits } from "./reduce-units.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import { elementsOf, expressionTerm } from "./term.js";
import { unitVariant } from "./units.js";

/** What `reduce` computes of each group. */
export type Reduction = "sum" | "mean" | "max" | "l2";

/** A tensor viewed as outer x length x inner; a reduction keeps `length`. */
export interface ReduceSize {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/**
 * y[j] = sum, mean, maximum or Euclidean norm of x[:, j, :], f32. Row sums: outer 1, length rows, inner columns; column sums: outer rows, length columns,
 * inner 1; the whole: length 1. Sums run in a fixed order, in parts that are summed again.
 * @throws ShapeError when a buffer is too short.
 */
export function reduce(gpu: Gpu, kind: Reduction, { x, y }: { x: BufferLike; y: BufferLike }, size: ReduceSize): void {
  const { outer, length: period, inner } = size;
  const length = outer * period * inner;
  requireSizes(`reduce ${kind}`, { outer, length: period, inner });
  requireElements(`reduce ${kind}`, { x, y }, { x: length, y: period });
  const term = kind === "l2" ? expressionTerm(gpu, "reduce", "x * x", { x: { buffer: x } }, { length }) : elementsOf(x);
  const scale = kind === "mean" ? 1 / (outer * inner) : 1;
  reduceUnits(gpu, term, { outer, period, inner }, { y, max: kind === "max", root: kind === "l2", scale });
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
  requireSizes(`reduceGrad ${kind}`, { outer, length, inner });
  requireElements(`reduceGrad ${kind}`, { dy, dx }, { dy: length, dx: count });
  const params = { inner, period: length, scale: kind === "mean" ? 1 / (outer * inner) : 1 };
  const call = { buffers: { x: dy, y: dx }, params, ...unitVariant({ inner, period: length }) };
  dispatchElementwise(gpu, shaders.broadcast, call, count);
}

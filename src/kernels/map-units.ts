import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { map } from "./map.js";
import type { ExpressionText } from "./map-expression.js";
import { reduceUnits } from "./reduce-units.js";
import { expressionTerm, type MapInputs } from "./term.js";
import { requireWholeUnits, type UnitPlacement, unitCount } from "./units.js";

/** Where `mapUnits` writes, which elements make up a unit, and what becomes of their values. */
export interface UnitTarget extends UnitPlacement {
  readonly y: BufferLike;
  /** "sum" by default. */
  readonly reduction?: "sum" | "max";
  /** Adds to what y holds, or takes the larger of both, instead of overwriting it. */
  readonly accumulate?: boolean;
}

/**
 * y[offset + u] = sum or maximum of `expression` over the elements of unit u, in a fixed order: scores of units from whatever a criterion needs,
 * such as `mapUnits(gpu, "abs(g * w)", { g: { buffer: gradient }, w: { buffer: weight } }, { y: scores, offset, length, inner, period })`. The
 * expression and its inputs are those of {@link map}. Inputs are read once and no value of an element is written. Where every element is a unit
 * that is one elementwise kernel; rows, columns of up to 64 rows, and small blocks take one, other units two, very large ones three.
 * @throws KernelError as {@link map}; ShapeError when the units do not tile the tensor or a buffer is too short.
 */
export function mapUnits(
  gpu: Gpu,
  expression: ExpressionText,
  inputs: MapInputs,
  { y, reduction = "sum", accumulate = false, ...layout }: UnitTarget,
): void {
  const { length, inner, period, band = length, offset = 0 } = layout;
  requireWholeUnits("mapUnits", layout);
  const units = unitCount(layout);
  const max = reduction === "max";
  if (units === length) {
    map(gpu, expression, inputs, { y, length, offset, accumulate: accumulate && (max ? "max" : true) });
    return;
  }
  const term = expressionTerm(gpu, "mapUnits", expression, inputs, { length });
  requireElements("mapUnits", { y }, { y: offset + units });
  const shape = { bands: length / band, outer: band / (inner * period), period, inner };
  reduceUnits(gpu, term, shape, { y, offset, max, accumulate });
}

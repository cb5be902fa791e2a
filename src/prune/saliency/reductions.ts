/** Reductions of expressions: in parts, so that a unit may consist of several parameters, and finished when all parts are in. */
import type { Gpu } from "../../gpu/index.js";
import { type MapInputs, map } from "../../kernels/map.js";
import type { WrittenPiece } from "../../kernels/map-expression.js";
import { mapUnits } from "../../kernels/map-units.js";
import type { Tensor } from "../../tensor/index.js";
import type { ReductionKind } from "./expression.js";

/** Unit u of `period` goes to y[offset + u]; element i of `length` belongs to unit (i / inner) % period. */
export interface ReductionLayout {
  readonly y: Tensor;
  readonly offset: number;
  readonly length: number;
  readonly inner: number;
  readonly period: number;
  /** See `UnitMember`. */
  readonly band?: number;
}

/** Starts a reduction with the elements of one parameter, or adds them to it. */
export function reducePart(
  gpu: Gpu,
  kind: ReductionKind,
  text: readonly WrittenPiece[],
  inputs: MapInputs,
  { accumulate, ...layout }: ReductionLayout & { readonly accumulate: boolean },
): void {
  mapUnits(gpu, kind === "l2" ? squareOf(text) : text, inputs, {
    ...layout,
    reduction: kind === "max" ? "max" : "sum",
    accumulate,
  });
}

/** (text) * (text), where errors still name the text alone. */
function squareOf(text: readonly WrittenPiece[]): WrittenPiece[] {
  const between = (symbols: string): WrittenPiece => ({ ...text[0], text: symbols });
  return [between("("), ...text, between(") * ("), ...text, between(")")];
}

/** What is left to do when `count` elements of each unit are in. */
export function finishReduction(
  gpu: Gpu,
  kind: ReductionKind,
  count: number,
  { y, offset, period }: ReductionLayout,
): void {
  if (kind === "sum" || kind === "max") return;
  const target = { y, offset, length: period, inPlace: "total" };
  if (kind === "mean") map(gpu, "total / count", { count }, target);
  else map(gpu, "sqrt(total)", {}, target);
}

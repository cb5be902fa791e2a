/** Reductions of expressions: in parts, so that a unit may consist of several parameters, and finished when all parts are in. */
import type { Gpu } from "../../gpu/index.js";
import { type MapInput, map } from "../../kernels/map.js";
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
  text: string,
  inputs: Readonly<Record<string, MapInput>>,
  { accumulate, ...layout }: ReductionLayout & { readonly accumulate: boolean },
): void {
  const term = kind === "l2" ? `(${text}) * (${text})` : text;
  mapUnits(gpu, term, inputs, { ...layout, reduction: kind === "max" ? "max" : "sum", accumulate });
}

/** What is left to do when `count` elements of each unit are in. */
export function finishReduction(
  gpu: Gpu,
  kind: ReductionKind,
  count: number,
  { y, offset, period }: ReductionLayout,
): void {
  if (kind === "sum" || kind === "max") return;
  const text = kind === "mean" ? `total / ${count}.0` : "sqrt(total)";
  map(gpu, text, {}, { y, offset, length: period, inPlace: "total" });
}

/** Units: the parts of a tensor that have one gate, score or keep bit. */
import { ShapeError } from "../errors.js";

/**
 * Which elements of a tensor of `length` elements make up a unit: element i belongs to unit `floor(i / inner) % period`.
 * Weights: inner 1, period length. Rows of [out, in]: inner in, period out. Columns: inner 1, period in. Heads: see `headUnits` of the nn room.
 */
export interface UnitLayout {
  readonly length: number;
  readonly inner: number;
  readonly period: number;
}

/** Units among those of many tensors. */
export interface UnitPlacement extends UnitLayout {
  /** Place of unit 0 among the scores or keep bits. Multiples of four are fastest. */
  readonly offset?: number;
}

/** @throws ShapeError when the units do not tile the tensor. */
export function requireWholeUnits(op: string, { length, inner, period }: UnitLayout): void {
  if (length % (inner * period) === 0) return;
  throw new ShapeError(`${op}: expected a length in steps of inner x period = ${inner * period}, got ${length}`);
}

/** For kernels that import shaders/shared/unit.wgsl: whether four neighbours share a unit, or have four units in a row, or must run singly. */
export function unitVariant({ inner, period }: Omit<UnitLayout, "length">) {
  const shared = inner % 4 === 0;
  const constants = shared ? { Unit: "f32", UNIT_WIDTH: 1 } : {};
  return { constants, inFours: shared || (inner === 1 && period % 4 === 0) };
}

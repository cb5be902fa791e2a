/** Units: the parts of a tensor that have one gate, score or keep bit. */
import { ShapeError } from "../errors.js";
import { requireSizes } from "./require.js";

/**
 * Which elements of a tensor of `length` elements make up a unit: element i belongs to unit `floor(i / inner) % period`.
 * Weights: inner 1, period length. Rows of [out, in]: inner in, period out. Columns: inner 1, period in. Heads: see `headUnits` of the nn room.
 */
export interface UnitLayout {
  readonly length: number;
  readonly inner: number;
  readonly period: number;
}

/** Units that may begin anew in each band of a tensor: element i belongs to unit `floor(i / band) * period + floor(i / inner) % period`. */
export interface BandedLayout extends UnitLayout {
  /** Elements of a band, by default all: units are numbered on from band to band. For blocks of a matrix, see {@link blockUnits}. */
  readonly band?: number;
}

/** Units among those of many tensors. */
export interface UnitPlacement extends BandedLayout {
  /** Place of unit 0 among the scores or keep bits. Multiples of four are fastest. */
  readonly offset?: number;
}

/** Number of units of a tensor. */
export const unitCount = ({ length, period, band = length }: BandedLayout): number => Math.ceil(length / band) * period;

/** @throws ShapeError when a size is no positive integer or the units do not tile the tensor. */
export function requireWholeUnits(op: string, { length, inner, period, band = length }: BandedLayout): void {
  requireSizes(op, { length, inner, period, band });
  if (length % band !== 0) throw new ShapeError(`${op}: expected a length in steps of band = ${band}, got ${length}`);
  if (band % (inner * period) === 0) return;
  const what = band === length ? "length" : "band";
  throw new ShapeError(`${op}: expected a ${what} in steps of inner x period = ${inner * period}, got ${band}`);
}

/**
 * Blocks of a row-major matrix of rows x columns as units, numbered by rows of blocks.
 * @throws ShapeError when the blocks do not tile the matrix.
 */
export function blockUnits(size: {
  readonly rows: number;
  readonly columns: number;
  readonly blockRows: number;
  readonly blockColumns: number;
}): Required<BandedLayout> {
  const { rows, columns, blockRows, blockColumns } = size;
  requireSizes("blockUnits", size);
  if (rows % blockRows !== 0 || columns % blockColumns !== 0) {
    throw new ShapeError(
      `blockUnits: expected a matrix in whole blocks of ${blockRows} x ${blockColumns}, got ${rows} x ${columns}`,
    );
  }
  return { length: rows * columns, inner: blockColumns, period: columns / blockColumns, band: blockRows * columns };
}

/** For kernels that import shaders/shared/unit.wgsl: whether four neighbours share a unit, or have four units in a row, or must run singly. */
export function unitVariant({ inner, period }: Omit<UnitLayout, "length">) {
  const shared = inner % 4 === 0;
  const constants = shared ? { Unit: "f32", UNIT_WIDTH: 1 } : {};
  return { constants, inFours: shared || (inner === 1 && period % 4 === 0) };
}

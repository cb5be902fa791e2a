/** Counts that are multiples: widths that the tiles of products fill. */
import { UsageError } from "../../errors.js";

/** The multiple nearest to `count`, ties up: at least one of it, and no more than `most`, multiple or not. */
export const nearestMultiple = (count: number, multiple: number, most: number): number =>
  Math.min(most, multiple * Math.max(1, Math.round(count / multiple)));

/** The fewest units, each `width` wide, whose widths come to a multiple. */
export const unitsOfMultiple = (multipleOf: number, width: number): number =>
  multipleOf / greatestCommonDivisor(multipleOf, width);

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** @throws UsageError for one that is no count. */
export function checkMultiple(multipleOf: number): void {
  if (Number.isSafeInteger(multipleOf) && multipleOf >= 1) return;
  throw new UsageError(`multipleOf: expected a count from 1, got ${multipleOf}; 8 or 16 suit most devices`);
}

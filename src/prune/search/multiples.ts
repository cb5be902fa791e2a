/** Counts that are multiples: widths that the tiles of products fill. */
import { UsageError } from "../../errors.js";

/** The multiple nearest to `count`, ties up: at least one of it, and no more than `most`, multiple or not. */
export const nearestMultiple = (count: number, multiple: number, most: number): number =>
  Math.min(most, multiple * Math.max(1, Math.round(count / multiple)));

/** @throws UsageError for one that is no count. */
export function checkMultiple(multipleOf: number): void {
  if (Number.isInteger(multipleOf) && multipleOf >= 1) return;
  throw new UsageError(`multipleOf: expected a count from 1, got ${multipleOf}; 8 or 16 suit most devices`);
}

/** Scores of units from gradients and weights. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { mapUnits } from "./map-units.js";
import type { UnitPlacement } from "./units.js";

/** What is summed over calibration batches, with g the gradient and w the weight: g w, |g w|, (g w)^2, g^2. */
export type Statistic = "signed" | "absolute" | "squared" | "gradientSquared";

const STATISTICS: Record<Statistic, string> = {
  signed: "gradient * weight",
  absolute: "abs(gradient * weight)",
  squared: "(gradient * weight) * (gradient * weight)",
  gradientSquared: "gradient * gradient",
};

/**
 * Adds to the score of each unit the statistic of its elements, in one pass over gradient and weight and in a fixed order.
 * `gradient`, `weight`: `length` f32. @throws ShapeError when the units do not tile the tensor or a buffer is too short.
 */
export function accumulateSaliency(
  gpu: Gpu,
  statistic: Statistic,
  { gradient, weight, score }: { gradient: BufferLike; weight: BufferLike; score: BufferLike },
  layout: UnitPlacement,
): void {
  const inputs = { gradient: { buffer: gradient }, weight: { buffer: weight } };
  mapUnits(gpu, STATISTICS[statistic], inputs, { ...layout, y: score, accumulate: true });
}

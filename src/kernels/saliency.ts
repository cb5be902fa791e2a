/** Scores of units from gradients and weights. */
import { ShapeError } from "../errors.js";
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

/** From the sum s over batches and the weight w to a weight's score: s, |s|, s w^2 / 2, |w|. */
export type ScoreKind = "identity" | "absolute" | "fisher" | "magnitude";

const SCORES: Record<ScoreKind, string> = {
  identity: "accumulated",
  absolute: "abs(accumulated)",
  fisher: "0.5 * accumulated * weight * weight",
  magnitude: "abs(weight)",
};

/**
 * Adds to the score of each unit the final scores of its weights: the score of a unit is the sum over its weights, and non-linear steps such as
 * |sum over batches of g w| are taken by weight. `accumulated` holds the sums over batches ("magnitude" needs none), `weight` the weights
 * ("identity" and "absolute" need none), both `length` f32. Clear `score` before the first tensor of a unit.
 * @throws ShapeError as {@link accumulateSaliency}, and when a buffer that the kind needs is missing.
 */
export function finalizeScores(
  gpu: Gpu,
  kind: ScoreKind,
  { accumulated, weight, score }: { accumulated?: BufferLike; weight?: BufferLike; score: BufferLike },
  layout: UnitPlacement,
): void {
  const given = Object.entries({ accumulated, weight }).filter(([name]) => SCORES[kind].includes(name));
  const inputs = given.map(([name, buffer]) => {
    if (!buffer) throw new ShapeError(`finalizeScores ${kind}: expected a buffer for ${name}, got none`);
    return [name, { buffer }] as const;
  });
  mapUnits(gpu, SCORES[kind], Object.fromEntries(inputs), { ...layout, y: score, accumulate: true });
}

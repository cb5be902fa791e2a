/** Scores of units from gradients and weights. */
import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { addTerms, type Term } from "./saliency-sums.js";
import { requireWholeUnits, type UnitPlacement } from "./units.js";

/** What is summed over calibration batches, with g the gradient and w the weight: g w, |g w|, (g w)^2, g^2. */
export type Statistic = "signed" | "absolute" | "squared" | "gradientSquared";

/** From the sum s over batches and the weight w to a weight's score: s, |s|, s w^2 / 2, |w|. */
export type ScoreKind = "identity" | "absolute" | "fisher" | "magnitude";

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
  const { length, period, offset = 0 } = layout;
  const op = `accumulateSaliency ${statistic}`;
  requireWholeUnits(op, layout);
  requireElements(op, { gradient, weight, score }, { gradient: length, weight: length, score: offset + period });
  addTerms(gpu, statistic, { a: gradient, w: weight, score }, layout);
}

const FINAL_TERMS: Record<ScoreKind, Term> = {
  identity: "identity",
  absolute: "magnitude",
  fisher: "fisher",
  magnitude: "magnitude",
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
  const { length, period, offset = 0 } = layout;
  const op = `finalizeScores ${kind}`;
  const a = kind === "magnitude" ? weight : accumulated;
  const w = kind === "fisher" ? weight : a;
  if (!a || !w) {
    const missing = a || kind === "magnitude" ? "weight" : "accumulated";
    throw new ShapeError(`${op}: expected a buffer for ${missing}, got none`);
  }
  requireWholeUnits(op, layout);
  requireElements(op, { a, w, score }, { a: length, w: length, score: offset + period });
  addTerms(gpu, FINAL_TERMS[kind], { a, w, score }, layout);
}

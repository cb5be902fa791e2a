/**
 * Saliency criteria: what is collected over the calibration batches, and how a weight's score comes out of it. g is the gradient of the
 * batch-mean loss, w the weight. The score of a larger unit is the sum over its weights.
 */
import { UsageError } from "../errors.js";
import type { ScoreKind, Statistic } from "../kernels/saliency.js";

/** A saliency criterion: what is summed over batches, and how a score comes out of it. */
export interface Criterion {
  readonly name: string;
  /** One line for people. */
  readonly formula: string;
  /** Sum over calibration batches; absent for criteria that need no data. */
  readonly statistic?: Statistic;
  /** From the sum (or, without one, from the weight or from chance) to the score. */
  readonly score: ScoreKind | "random";
  /** In reference mode removed weights are scored by the gradient of their mask, and may come back. */
  readonly revives?: boolean;
}

/** Uniform in [0, 1), by seed and round. */
const random: Criterion = { name: "random", formula: "uniform", score: "random" };

/** Han et al. 2015. */
const magnitude: Criterion = { name: "magnitude", formula: "|w|", score: "magnitude" };

/** Lee et al. 2019, up to their division by the total. */
const snip: Criterion = { name: "snip", formula: "|sum g w|", statistic: "signed", score: "absolute", revives: true };

/** Molchanov et al. 2017, first order, absolute value by batch. */
const taylor: Criterion = { name: "taylor", formula: "sum |g w|", statistic: "absolute", score: "identity" };

/** Molchanov et al. 2019, equation 8. */
const taylorSquared: Criterion = {
  name: "taylor-squared",
  formula: "sum (g w)^2",
  statistic: "squared",
  score: "identity",
};

/** Optimal brain damage (LeCun et al. 1990) with the empirical Fisher information as the diagonal of the Hessian. */
const fisher: Criterion = {
  name: "fisher",
  formula: "0.5 sum g^2 w^2",
  statistic: "gradientSquared",
  score: "fisher",
};

const ALL = [random, magnitude, snip, taylor, taylorSquared, fisher];

/** The shipped criteria by name. */
export const CRITERIA: ReadonlyMap<string, Criterion> = new Map(ALL.map((criterion) => [criterion.name, criterion]));

/** @throws UsageError naming the known ones. */
export function criterionByName(name: string): Criterion {
  const criterion = CRITERIA.get(name);
  if (!criterion)
    throw new UsageError(`method: expected ${[...CRITERIA.keys()].join(", ")}, got "${name}"; choose one`);
  return criterion;
}

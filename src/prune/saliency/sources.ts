/** What a saliency may ask for in `needs`, as expressions over statistics. */

import type { Each, ObservedPlace, Statistic } from "../collect/statistic.js";
import { type Expression, map, statistic } from "./expression.js";

const gradient = (term: string, each: Each = "batch") => statistic({ kind: "gradient", term, each });
const gate = (term: string, each: Each = "batch") => statistic({ kind: "gate", term, each });

const total = (kind: ObservedPlace, term: string) => statistic({ kind, term });
const rows = (kind: ObservedPlace) => statistic({ kind: "rows", of: kind === "site" ? "site" : "layer" });

const meanOf = (kind: ObservedPlace) => map("s / n", { s: total(kind, "x"), n: rows(kind) });
const spread = (of: ObservedPlace, power: 1 | 2) => statistic({ kind: "spread", of, power });
/** Never below zero, which rounding could make it where the values do not vary. */
const varianceOf = (kind: ObservedPlace) =>
  map("max(q / n - (s / n) * (s / n), 0.0)", { s: spread(kind, 1), q: spread(kind, 2), n: rows(kind) });
const normOf = (kind: ObservedPlace) => map("sqrt(q)", { q: total(kind, "x * x") });

/**
 * The sources by name. g is the gradient of a calibration batch's loss (of an example's, in sources called `example...`); sums run over the
 * calibration data. Sources of single weights: `weight`, `keptWeight`, `gradient...`, `exampleGradientSquared`, `pathScore`, `maskGradient`, `hessianGradient`,
 * `hessianDiagonal`, `movement`; of a layer's inputs (columns): `input...`; of its outputs (rows): `output...`; of units with a place for a gate
 * (heads, neurons): `gate...`, `exampleGateGradientSquared`, `activation...`; of any unit: `random`, `normal`.
 */
export const SOURCES = {
  /** The weight itself, also where it is masked. */
  weight: statistic({ kind: "weight" }),
  /** The weight where it is kept, 0 where it is masked. */
  keptWeight: statistic({ kind: "keptWeight" }),
  /** Uniform in [0, 1), by seed and round. */
  random: statistic({ kind: "random" }),
  /** Standard normal, by seed and round. */
  normal: statistic({ kind: "random", normal: true }),
  /** Sum of g. */
  gradient: gradient("g"),
  /** Sum of |g|. */
  gradientAbsolute: gradient("abs(g)"),
  /** Sum of g^2. */
  gradientSquared: gradient("g * g"),
  /** Sum over examples of the square of the example's own gradient. Batches of one example: slower. */
  exampleGradientSquared: gradient("g * g", "example"),
  /** w^2 |dR/d(w^2)|, for objectives that square weights ("w * w") and run once ("ones"): computed where the gradient is, in the same pass. */
  pathScore: statistic({ kind: "path" }),
  /** Sum of dLoss/dmask = g w, with the gradient that masked weights would have. */
  maskGradient: statistic({ kind: "gradient", term: "g * w", each: "batch", dense: true }),
  /** Sum of dLoss/dgate. */
  gateGradient: gate("g"),
  gateGradientAbsolute: gate("abs(g)"),
  gateGradientSquared: gate("g * g"),
  /** Sum over examples of the square of the example's own gate gradient. Batches of one example: slower. */
  exampleGateGradientSquared: gate("g * g", "example"),
  /** Mean, variance and L2 norm of a layer's input over examples and tokens. */
  inputMean: meanOf("input"),
  inputVariance: varianceOf("input"),
  inputNorm: normOf("input"),
  /** The same of its output. */
  outputMean: meanOf("output"),
  outputVariance: varianceOf("output"),
  outputNorm: normOf("output"),
  /** The same of the activation at a unit's gate. */
  activationMean: meanOf("site"),
  activationVariance: varianceOf("site"),
  activationNorm: normOf("site"),
  /** X^T X of a layer's input rows; no score by itself, but what compensation works with. */
  inputMoment: statistic({ kind: "moment" }),
  /** Sum over batches of H G, with H the Hessian of the batch's loss and G the sum of all gradients, both by the scored weights. Reads the data twice. */
  hessianGradient: statistic({ kind: "curvature", term: "h", direction: "gradient" }),
  /** Sum over batches of an unbiased estimate of the Hessian's diagonal (Hutchinson): z * (H z) with fresh random signs z. */
  hessianDiagonal: statistic({ kind: "curvature", term: "h * d", direction: "signs" }),
  /** Sum of -g w over all training steps so far. */
  movement: statistic({ kind: "training", term: "-g * w" }),
} as const satisfies Readonly<Record<string, Expression>>;

/** A name of a shipped source. */
export type SourceName = keyof typeof SOURCES;

/** Statistics of your own, from a WGSL expression over g and w: `gradientTotal("abs(g * w)")`. */
export const gradientTotal = (term: string, each: Each = "batch"): Expression =>
  statistic({ kind: "gradient", term, each } satisfies Statistic);

/** A sum over a layer's inputs x by column: `inputTotal("abs(x)")`. */
export const inputTotal = (term: string): Expression => total("input", term);

/** A sum over a layer's outputs x by row. */
export const outputTotal = (term: string): Expression => total("output", term);

/**
 * Statistics: what calibration collects on the device. Each is a sum, so those of several shards of the data add up to those of all of it. Terms
 * are WGSL expressions; sums run in a fixed order.
 */
import type { Gpu } from "../../gpu/index.js";
import type { Tensor } from "../../tensor/index.js";

/** A sum over calibration, or what is there without data. Plain data: two equal ones are collected once. */
export type Statistic =
  /** The weights themselves, masked ones included. */
  | { readonly kind: "weight" }
  /** The weights, removed ones as 0. */
  | { readonly kind: "keptWeight" }
  /** Uniform in [0, 1), or standard normal, by seed and round. */
  | { readonly kind: "random"; readonly normal?: true }
  /** Sum of a term over g (dLoss/dw of a batch's or of an example's mean loss) and w; `dense` gives removed weights their gradient too. */
  | { readonly kind: "gradient"; readonly term: string; readonly each: Each; readonly dense?: boolean }
  /** w^2 |g| for the gradient g by w^2, computed where the weight's gradient is: of objectives that square the weights and run once. */
  | { readonly kind: "path" }
  /** By unit: sum of a term over g, the gradient of a gate of ones at the unit's place. */
  | { readonly kind: "gate"; readonly term: string; readonly each: Each }
  /** By column or row of a layer: sum of a term over x, its input or output, over all examples and tokens. */
  | { readonly kind: "input" | "output"; readonly term: string }
  /** By unit: sum of a term over x, the activation at the unit's gate place; `inner` neighbours share a unit. */
  | { readonly kind: "site"; readonly term: string }
  /** By column, row or unit of an input, output or site: sum of (x - c)^power, c its center. Variances lose no digits to the mean then. */
  | { readonly kind: "spread"; readonly of: ObservedPlace; readonly power: 1 | 2 }
  /** What a spread is measured from: the mean of the first batch. Not a sum; `Statistics.merge` brings spreads to a common center. */
  | { readonly kind: "center"; readonly of: ObservedPlace }
  /** How many values an entry of an input, output or site statistic adds up. */
  | { readonly kind: "rows"; readonly of: "layer" | "site" }
  /** X^T X of a layer's input rows X: [in, in]. */
  | { readonly kind: "moment" }
  /** Sum of a term over h = H d and d, H the Hessian of a batch's loss by the scored weights, d the summed gradient or fresh random signs. */
  | { readonly kind: "curvature"; readonly term: string; readonly direction: "gradient" | "signs" }
  /** Sum of a term over g and w at every training step so far. */
  | { readonly kind: "training"; readonly term: string }
  /** A vector by column that is computed from X^T X once that is complete. */
  | { readonly kind: "derived"; readonly by: Derivation };

/** Where activations are looked at: a layer's input or output, or a gate's place. */
export type ObservedPlace = "input" | "output" | "site";

/** How often a term is taken: of the gradient of each batch, or of each example. */
export type Each = "batch" | "example";

/** Computes a vector of a layer's inputs, such as the diagonal of an inverse, from X^T X, on the device. */
export interface Derivation {
  /** Tells derivations apart, with all that they depend on. */
  readonly name: string;
  /** @param moment - [columns, columns] */
  readonly vector: (gpu: Gpu, moment: Tensor, columns: number) => Tensor;
}

/** Where values of a statistic belong: single weights, columns, rows, units, a layer or a gate's place as a whole, or pairs of columns. */
export type Domain = "weight" | "column" | "row" | "unit" | "layer" | "site" | "matrix";

const DOMAINS = {
  weight: "weight",
  keptWeight: "weight",
  gradient: "weight",
  path: "weight",
  curvature: "weight",
  training: "weight",
  random: "unit",
  gate: "unit",
  site: "unit",
  input: "column",
  derived: "column",
  output: "row",
  moment: "matrix",
} as const;

export const domainOf = (statistic: Statistic): Domain =>
  statistic.kind === "rows"
    ? statistic.of
    : DOMAINS[statistic.kind === "spread" || statistic.kind === "center" ? statistic.of : statistic.kind];

/** The same text for equal statistics; part of the names in files. */
export const statisticKey = (statistic: Statistic): string => JSON.stringify(statistic);

/** What has to be collected too, so that a statistic can be collected or merged. */
export function companionsOf(statistic: Statistic): readonly Statistic[] {
  if (statistic.kind === "curvature" && statistic.direction === "gradient") return [SUMMED_GRADIENT];
  if (statistic.kind !== "spread") return [];
  const { of } = statistic;
  return [
    { kind: "center", of },
    { kind: "spread", of, power: 1 },
  ];
}

/** Sum of g over batches: also the direction of `hessianGradient`. */
export const SUMMED_GRADIENT: Statistic = { kind: "gradient", term: "g", each: "batch" };

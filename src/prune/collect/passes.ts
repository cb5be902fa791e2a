/** The kinds of passes over the data, and which statistics each collects. */
import { firstOrder } from "./first-order.js";
import { findCenters, isObserved } from "./observe.js";
import { secondOrder } from "./second-order.js";
import type { Each, Statistic } from "./statistic.js";
import type { StepContext } from "./step-context.js";

/** One pass over the data. `run` is called while a step is recorded. */
export interface PassKind {
  readonly name: string;
  readonly each: Each;
  readonly collects: (statistic: Statistic) => boolean;
  readonly run: (context: StepContext) => void;
  /** Called with the first batch loaded, before its step. */
  readonly begin?: (context: StepContext) => void;
}

const isDense = (statistic: Statistic): boolean => statistic.kind === "gradient" && statistic.dense === true;

const isGradientOf = (statistic: Statistic, each: Each, dense = false): boolean =>
  (statistic.kind === "gradient" || statistic.kind === "gate") &&
  statistic.each === each &&
  isDense(statistic) === dense;

/** Gradients by batch or by example, also those of removed weights or not: no statistic depends on what else is collected. */
const gradients = (each: Each, dense: boolean): PassKind => ({
  name: dense ? `${each} dense` : each,
  each,
  collects: (statistic) => isGradientOf(statistic, each, dense),
  run: firstOrder,
});

/** In the order in which they run: products with the Hessian may take the summed gradient as their direction. */
export const PASSES: readonly PassKind[] = [
  {
    ...gradients("batch", false),
    collects: (statistic) => isObserved(statistic) || isGradientOf(statistic, "batch"),
    begin: findCenters,
  },
  gradients("batch", true),
  { name: "path", each: "batch", collects: ({ kind }) => kind === "path", run: firstOrder },
  gradients("example", false),
  gradients("example", true),
  { name: "curvature", each: "batch", collects: ({ kind }) => kind === "curvature", run: secondOrder },
];

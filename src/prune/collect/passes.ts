/** The kinds of passes over the data, and which statistics each collects. */
import { firstOrder } from "./first-order.js";
import { isObserved } from "./observe.js";
import { secondOrder } from "./second-order.js";
import type { Each, Statistic } from "./statistic.js";
import type { StepContext } from "./step-context.js";

/** One pass over the data. `run` is called while a step is recorded. */
export interface PassKind {
  readonly name: string;
  readonly each: Each;
  readonly collects: (statistic: Statistic) => boolean;
  readonly run: (context: StepContext) => void;
}

const isGradientOf = (statistic: Statistic, each: Each): boolean =>
  (statistic.kind === "gradient" || statistic.kind === "gate") && statistic.each === each;

/** In the order in which they run: products with the Hessian may take the summed gradient as their direction. */
export const PASSES: readonly PassKind[] = [
  {
    name: "batches",
    each: "batch",
    collects: (statistic) => isObserved(statistic) || isGradientOf(statistic, "batch"),
    run: firstOrder,
  },
  { name: "examples", each: "example", collects: (statistic) => isGradientOf(statistic, "example"), run: firstOrder },
  { name: "curvature", each: "batch", collects: ({ kind }) => kind === "curvature", run: secondOrder },
];

/** What all kinds of steps are given. */
import type { Model } from "../../nn/index.js";
import type { Tensor } from "../../tensor/index.js";
import type { Objective } from "../saliency/objective.js";
import type { UnitSpace } from "../units.js";
import type { Statistic } from "./statistic.js";
import type { Statistics } from "./statistics.js";

/** What a step works on. */
export interface StepContext {
  readonly model: Model;
  readonly space: UnitSpace;
  readonly objective: Objective;
  readonly statistics: Statistics;
  /** What this pass collects. */
  readonly needed: readonly Statistic[];
  readonly images: Tensor;
  readonly labels: Tensor;
  /** What the objective has summed over the calibration data before. */
  readonly accumulated?: Tensor;
  /** u32 [seed, step] */
  readonly draws: Tensor;
}

/** Learning rates by step. */
import { UsageError } from "../errors.js";

/** Linear warm-up and half a cosine. */
export interface CosineSchedule {
  readonly peak: number;
  /** Rate that the cosine ends at. */
  readonly final: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
}

/** Linear from `peak / warmupSteps` to `peak`, then half a cosine down to `final`. `step` counts from 0. */
export function cosineRate({ peak, final, warmupSteps, totalSteps }: CosineSchedule, step: number): number {
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  const span = Math.max(1, totalSteps - warmupSteps);
  const progress = Math.min(1, (step - warmupSteps) / span);
  return final + (peak - final) * 0.5 * (1 + Math.cos(Math.PI * progress));
}

/** @throws UsageError when a rate or a length is out of range. */
export function checkSchedule(schedule: CosineSchedule): void {
  const { peak, final, warmupSteps, totalSteps } = schedule;
  if (!(peak > 0) || !(final >= 0) || final > peak) {
    throw new UsageError(
      `learning rate: expected 0 <= final <= peak with peak > 0, got ${final} and ${peak}; correct them`,
    );
  }
  if (warmupSteps < 0 || warmupSteps > totalSteps) {
    throw new UsageError(
      `warm-up: expected at most the ${totalSteps} steps of the run, got ${warmupSteps}; shorten it`,
    );
  }
}

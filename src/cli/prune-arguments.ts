/** What `secateur prune` may be asked for, and which wishes contradict each other. */
import { UsageError } from "../errors.js";
import {
  type Granularity,
  needsCalibration,
  needsTraining,
  parsePattern,
  type ScheduleKind,
  type ScopeName,
  type ScoringMethod,
} from "../prune/index.js";
import type { CalibrationArguments } from "./model.js";
import { checkIncluded, type Includable } from "./protection.js";
import type { TrainingArguments } from "./training-arguments.js";

export interface PruneArguments extends CalibrationArguments, Omit<TrainingArguments, "batch"> {
  readonly method: ScoringMethod;
  readonly sparsity?: number;
  readonly pattern?: string;
  readonly floor?: number;
  readonly multipleOf?: number;
  readonly monotone?: boolean;
  readonly resume?: boolean;
  readonly granularity: Granularity;
  readonly scope: ScopeName;
  readonly include?: readonly Includable[];
  readonly rounds: number;
  readonly schedule?: ScheduleKind;
  readonly reference?: boolean;
  /** Whether what is pruned is cut out too. */
  readonly compact?: boolean;
  readonly roundTo?: number;
  readonly batch?: number;
  readonly data?: string;
  /** With methods that train. */
  readonly train?: string;
  readonly rewindStep: number;
  readonly out: string;
}

/** @throws UsageError for a wish about a cut that is not asked for. */
export function checkCompact({ compact, roundTo }: Pick<PruneArguments, "compact" | "roundTo">): void {
  if (compact || roundTo === undefined) return;
  throw new UsageError(`round-to: expected --compact, whose sizes it rounds, got none; add it or leave --round-to out`);
}

/** @throws UsageError for what does not fit, or is missing. */
export function checkArguments(options: PruneArguments): void {
  checkCompact(options);
  const { method, calibration, rounds, schedule, granularity, include = [] } = options;
  if (readsCalibration(options) && calibration === undefined) {
    throw new UsageError(`${method.name}: expected calibration data, got none; give --calibration DATA`);
  }
  if (needsTraining(method.saliency)) {
    throw new UsageError(
      `${method.name}: expected a criterion that needs no training, which this command does not do, got one that sums over its steps; use it from code`,
    );
  }
  checkIncluded(include, granularity);
  if (rounds > 1 && schedule === "one-shot") {
    throw new UsageError(
      `schedule: expected one round for one-shot, got ${rounds} rounds; choose another or leave it out`,
    );
  }
}

/** The part to remove: the one that is given, or that of the pattern. @throws UsageError for both or neither. */
export function sparsityOf({ sparsity, pattern }: PruneArguments): number {
  if ((sparsity === undefined) === (pattern === undefined)) {
    const [got, remedy] =
      sparsity === undefined ? ["neither", "--sparsity 0.5 removes half"] : ["both", "leave one out"];
    throw new UsageError(`sparsity: expected either --sparsity or --pattern, got ${got}; ${remedy}`);
  }
  if (sparsity !== undefined) return sparsity;
  const { keep, run } = parsePattern(pattern!);
  return 1 - keep / run;
}

/** Whether scores take passes over the data, which some do only where the classifier is pruned. */
export function readsCalibration({ method: { saliency }, reference, include = [] }: PruneArguments): boolean {
  const uniform = saliency.objective?.accumulate?.isUniform !== undefined && !reference;
  return uniform ? include.includes("classifier") : needsCalibration(saliency);
}

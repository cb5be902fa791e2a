/** Which part of the units is kept after each round. */
import { UsageError } from "../errors.js";
import type { Amount } from "./select.js";

/** Names of the schedules. */
export const SCHEDULES = ["one-shot", "linear", "exponential", "cosine", "cubic"] as const;
/** How the density falls over the rounds. */
export type ScheduleKind = (typeof SCHEDULES)[number];

/** Progress of the sparsity by the progress t of the rounds, both in [0, 1]. Exponential works on the density, so it has its own rule. */
const SPARSITY_PROGRESS: Record<Exclude<ScheduleKind, "exponential">, (t: number) => number> = {
  "one-shot": () => 1,
  linear: (t) => t,
  cosine: (t) => (1 - Math.cos(Math.PI * t)) / 2,
  cubic: (t) => 1 - (1 - t) ** 3,
};

/**
 * Density after round `round` (from 0) of `rounds`, ending at `1 - sparsity`. Exponential: density^((round + 1) / rounds), as PX
 * and SynFlow prune; cubic: Zhu and Gupta 2017; one-shot prunes everything in the first round.
 */
export function densityAfter(kind: ScheduleKind, sparsity: number, round: number, rounds: number): number {
  const t = (round + 1) / rounds;
  if (kind === "exponential") return (1 - sparsity) ** t;
  return 1 - sparsity * SPARSITY_PROGRESS[kind](t);
}

/** @throws UsageError when the sparsity is not in [0, 1) or the rounds are not a positive integer. */
export function checkSparsity(sparsity: number, rounds: number): void {
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw new UsageError(
      `sparsity: expected the part to remove, at least 0 and below 1, got ${sparsity}; 0.9 keeps a tenth`,
    );
  }
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UsageError(`rounds: expected a whole number, 1 or more, got ${rounds}; correct it`);
}

/** Far more than floating point loses in `(1 - density) * count`, far less than a unit. */
const ROUNDING = 1e-6;

/**
 * The amount that stands for this round. What is a part (a sparsity, a kept share, a kept fraction of a budget) and what is a count grow with the schedule,
 * counts linearly where it is exponential; thresholds, absolute budgets and parts of what is alive are the same in each round.
 */
export function amountAfter(amount: Amount, kind: ScheduleKind, round: number, rounds: number): Amount {
  const keptPart = (kept: number) => densityAfter(kind, 1 - kept, round, rounds);
  if ("sparsity" in amount) return { sparsity: 1 - keptPart(1 - amount.sparsity) };
  if ("share" in amount) return { share: keptPart(amount.share) };
  if ("budget" in amount && typeof amount.budget.keep === "object") {
    return { budget: { ...amount.budget, keep: { fraction: keptPart(amount.budget.keep.fraction) } } };
  }
  if ("remove" in amount) {
    const linear = kind === "exponential" ? "linear" : kind;
    return { remove: Math.floor(amount.remove * (1 - densityAfter(linear, 1, round, rounds)) + ROUNDING) };
  }
  return amount;
}

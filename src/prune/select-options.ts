/** What a selection may be asked for, and which wishes contradict each other. */
import { UsageError } from "../errors.js";
import type { Pattern } from "../kernels/select-pattern.js";
import type { PlacedGroup, Scope, UnitCost } from "./units.js";

/** A value for all groups, or one for each. */
export type PerGroup = number | ((group: PlacedGroup) => number);

/** What the kept units may cost. */
export interface Budget {
  /** Cost of a unit: its parameters, its FLOPs for one example, or any other, such as a measured latency. Met within one unit, the dearest one that is left. */
  readonly cost: keyof UnitCost | ((group: PlacedGroup) => number);
  /** The most that may be kept, in units of the cost, or as a part of the cost of everything. */
  readonly keep: number | { readonly fraction: number };
  /** Cost of what no unit holds, such as protected layers; counted as kept. Default: 0. */
  readonly fixed?: number;
}

/** How much goes. What was pruned before counts as pruned. */
export type Amount =
  /** Part of all units to remove, in [0, 1). */
  | { readonly sparsity: number }
  /** Part of the units that are alive to remove, in [0, 1). */
  | { readonly sparsityOfAlive: number }
  /** Number of units to remove, over all ranges in proportion to their units. */
  | { readonly remove: number }
  /** Units that score less go. */
  | { readonly threshold: number }
  /** The lowest go as long as the others hold this share of the sum of all scores, in (0, 1]. Negative scores and NaNs count as 0. */
  | { readonly share: number }
  /** The lowest go until the others cost no more. */
  | { readonly budget: Budget };

/** How a `Selector` ranks. */
export interface SelectOptions {
  /** What is ranked together; default: everything. Groups of one key must lie side by side, as `unitSpace` lays them for the same scope. */
  readonly scope?: Scope;
  /** The authors' rule: everything up to the k-th score goes, ties included, and what was pruned is ranked anew unless `monotone` says otherwise. For sparsities only. */
  readonly reference?: boolean;
  /** Units of a group that stay at least: below 1 a part of the group, rounded up, from 1 a number. Larger than the group: all. */
  readonly floor?: PerGroup;
  /** Units of a group that stay at most: below 1 a part of the group, rounded down, from 1 a number. It goes before the amount. */
  readonly ceiling?: PerGroup;
  /**
   * The kept units of a group are a multiple of this, or all of them. Counts are rounded to a neighbouring multiple, up where most units hang over,
   * until the number of kept units (or with a budget their cost) is as near as it gets to what was asked. Floors go up to multiples, ceilings down.
   */
  readonly multipleOf?: PerGroup;
  /** "2:4" keeps the two highest of each four weights that lie side by side along the inputs, whatever the scope. Needs no other amount. */
  readonly pattern?: string;
  /** A pruned unit stays pruned. Default: true, except with `reference`. */
  readonly monotone?: boolean;
}

/** What a selection did in one range: the largest score that was pruned (NaN where none was), the number of units pruned, and with a budget the cost of the kept. */
export interface Selection {
  readonly threshold: number;
  readonly pruned: number;
  readonly cost?: number;
}

const AMOUNTS = ["sparsity", "sparsityOfAlive", "remove", "threshold", "share", "budget"] as const;

const refuse = (what: string, expected: string, got: unknown, remedy: string): never => {
  throw new UsageError(`${what}: expected ${expected}, got ${String(got)}; ${remedy}`);
};

/** @throws UsageError for options that contradict each other. */
export function checkOptions({ reference, floor, ceiling, multipleOf, pattern }: SelectOptions): void {
  const limits = Object.entries({ floor, ceiling, multipleOf, pattern }).filter(([, value]) => value !== undefined);
  const [name] = limits[0] ?? [];
  if (reference && name) refuse("reference", "the authors' rule alone", `${name} too`, `leave one of them away`);
  if (pattern !== undefined && limits.length > 1) {
    refuse("pattern", "a pattern alone", `${name} too`, "a pattern fixes how many weights stay");
  }
}

/** @throws UsageError for an amount that is none, out of range, or contradicts the options. */
export function checkAmount(amount: Amount, units: number, { reference, pattern }: SelectOptions): void {
  const given = AMOUNTS.filter((name) => name in amount);
  if (given.length !== 1) refuse("amount", `one of ${AMOUNTS.join(", ")}`, given.join(" and ") || "none", "name one");
  const check = (name: string, value: number, inRange: boolean, range: string) =>
    inRange || refuse(name, range, value, "correct it");
  if ("sparsity" in amount) check("sparsity", amount.sparsity, isPart(amount.sparsity), "a part in [0, 1)");
  else if (reference) refuse("reference", "a sparsity as amount", given[0], "leave reference away");
  if ("sparsityOfAlive" in amount) {
    check("sparsityOfAlive", amount.sparsityOfAlive, isPart(amount.sparsityOfAlive), "a part in [0, 1)");
  }
  if ("remove" in amount) {
    const inRange = Number.isInteger(amount.remove) && amount.remove >= 0 && amount.remove <= units;
    check("remove", amount.remove, inRange, `0 to ${units} units`);
  }
  if ("threshold" in amount) check("threshold", amount.threshold, !Number.isNaN(amount.threshold), "a number");
  if ("share" in amount) check("share", amount.share, amount.share > 0 && amount.share <= 1, "a share in (0, 1]");
  if (pattern !== undefined) checkPatternAmount(amount, parsePattern(pattern), pattern);
}

const isPart = (value: number): boolean => value >= 0 && value < 1;

function checkPatternAmount(amount: Amount, { keep, run }: Pattern, pattern: string): void {
  const fixed = 1 - keep / run;
  if ("sparsity" in amount && Math.abs(amount.sparsity - fixed) < 1e-9) return;
  refuse("pattern", `sparsity ${fixed}, which ${pattern} gives`, JSON.stringify(amount), "ask for that in one round");
}

/** @throws UsageError for a text that is no pattern. */
export function parsePattern(pattern: string): Pattern {
  const [keep, run] = /^\d+:\d+$/.test(pattern) ? pattern.split(":").map(Number) : [0, 0];
  if (![2, 4, 8, 16, 32].includes(run) || keep < 1 || keep >= run) {
    refuse("pattern", "n:m with n below m = 2, 4, 8, 16 or 32", `"${pattern}"`, 'try "2:4"');
  }
  return { keep, run: run as Pattern["run"] };
}

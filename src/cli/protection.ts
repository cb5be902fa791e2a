/** What pruning leaves alone unless `--include` names it. */
import { UsageError } from "../errors.js";
import type { Granularity, Protection } from "../prune/units.js";

export const INCLUDABLE = [
  "embedding",
  "classifier",
  "norms",
  "biases",
] as const satisfies readonly (keyof Protection)[];
export type Includable = (typeof INCLUDABLE)[number];

/** Norms and biases have no rows; heads and neurons are the same wherever they lie. */
const POSSIBLE: Record<Granularity, readonly Includable[]> = {
  weight: INCLUDABLE,
  row: ["embedding", "classifier"],
  head: [],
  neuron: [],
};

/** @throws UsageError for a part that has no units of this granularity. */
export function checkIncluded(included: readonly Includable[], granularity: Granularity): void {
  const possible = POSSIBLE[granularity];
  const wrong = included.find((part) => !possible.includes(part));
  if (wrong === undefined) return;
  const expected = possible.join(", ") || "none";
  throw new UsageError(`include: expected ${expected} with granularity ${granularity}, got ${wrong}; leave it out`);
}

export const protectionWithout = (included: readonly Includable[]): Protection =>
  Object.fromEntries(INCLUDABLE.map((part) => [part, !included.includes(part)]));

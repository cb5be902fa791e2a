/** What pruning leaves alone unless `--include` names it. */
import { UsageError } from "../errors.js";
import { type Granularity, granularityText, type Protection } from "../prune/units.js";

export const INCLUDABLE = [
  "embedding",
  "classifier",
  "norms",
  "biases",
] as const satisfies readonly (keyof Protection)[];
export type Includable = (typeof INCLUDABLE)[number];

/** Norms and biases have no rows. */
const LAYERS: readonly Includable[] = ["embedding", "classifier"];

/** @throws UsageError for a part that has no units of this granularity. */
export function checkIncluded(included: readonly Includable[], granularity: Granularity): void {
  const unit = granularityText(granularity);
  // Units of several parameters, such as heads, are the same wherever they lie.
  const isLayers = unit === "row" || unit.startsWith("block ");
  const possible = unit === "weight" ? INCLUDABLE : isLayers ? LAYERS : [];
  const wrong = included.find((part) => !possible.includes(part));
  if (wrong === undefined) return;
  const expected = possible.join(", ") || "none";
  throw new UsageError(`include: expected ${expected} with granularity ${unit}, got ${wrong}; leave it out`);
}

export const protectionWithout = (included: readonly Includable[]): Protection =>
  Object.fromEntries(included.map((part) => [part, false]));

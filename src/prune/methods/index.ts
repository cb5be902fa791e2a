/** What can be asked for by name: the shipped criteria, each a method that only scores, methods that train around their rounds, and searches. */
import { UsageError } from "../../errors.js";
import { CRITERIA } from "../criteria/index.js";
import type { SearchMethod } from "../search/search.js";
import { upop } from "../search/upop.js";
import { vtp } from "../search/vtp.js";
import { wdpruning } from "../search/wdpruning.js";
import { imp } from "./imp.js";
import type { ScoringMethod } from "./method.js";

const scoring = Array.from(
  CRITERIA.values(),
  (saliency): ScoringMethod => ({ name: saliency.name, formula: saliency.formula, saliency }),
);

/** The methods of a `Pruner` by name. */
export const METHODS: ReadonlyMap<string, ScoringMethod> = new Map(
  [...scoring, imp].map((method) => [method.name, method]),
);

/** The searches by name, with their default settings. */
export const SEARCHES: ReadonlyMap<string, SearchMethod> = new Map(
  [upop(), vtp(), wdpruning()].map((method) => [method.name, method]),
);

/** @throws UsageError naming the known ones. */
export function methodByName(name: string): ScoringMethod {
  const method = METHODS.get(name);
  if (!method) throw new UsageError(`method: expected ${[...METHODS.keys()].join(", ")}, got "${name}"; choose one`);
  return method;
}

export { isSearch, type Method, type MethodTraining, type ScoringMethod } from "./method.js";
export { imp };

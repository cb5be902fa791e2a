/** What can be asked for by name: the shipped criteria, each a method that only scores, and methods that also train. */
import { UsageError } from "../../errors.js";
import { CRITERIA } from "../criteria/index.js";
import { imp } from "./imp.js";
import type { Method } from "./method.js";

const scoring = Array.from(
  CRITERIA.values(),
  (saliency): Method => ({ name: saliency.name, formula: saliency.formula, saliency }),
);

/** The methods by name. */
export const METHODS: ReadonlyMap<string, Method> = new Map([...scoring, imp].map((method) => [method.name, method]));

/** @throws UsageError naming the known ones. */
export function methodByName(name: string): Method {
  const method = METHODS.get(name);
  if (!method) throw new UsageError(`method: expected ${[...METHODS.keys()].join(", ")}, got "${name}"; choose one`);
  return method;
}

export type { Method, MethodTraining } from "./method.js";
export { imp };

/** The shipped criteria. Each is written as any other saliency would be; docs/criteria has a page for each. */
import { UsageError } from "../../errors.js";
import type { AnySaliency } from "../saliency/saliency.js";
import { fisher, obd } from "./fisher.js";
import { gateTaylor } from "./gate-taylor.js";
import { grasp } from "./grasp.js";
import { lamp } from "./lamp.js";
import { magnitude, magnitudeL2, magnitudeNormalized } from "./magnitude.js";
import { movement } from "./movement.js";
import { ntkSap } from "./ntk-sap.js";
import { obs } from "./obs.js";
import { px } from "./px.js";
import { random } from "./random.js";
import { snip } from "./snip.js";
import { sparseGpt } from "./sparsegpt.js";
import { synflow } from "./synflow.js";
import { synflowL2 } from "./synflow-l2.js";
import { taylor, taylorSecond, taylorSquared } from "./taylor.js";
import { vbp } from "./vbp.js";
import { wanda } from "./wanda.js";

/** A shipped criterion: it has a name and a formula. */
export type Criterion = AnySaliency & { readonly name: string; readonly formula: string };

const ALL = [
  random,
  magnitude,
  magnitudeL2,
  magnitudeNormalized,
  lamp,
  snip,
  taylor,
  taylorSquared,
  taylorSecond,
  gateTaylor,
  fisher,
  obd,
  obs,
  sparseGpt,
  grasp,
  wanda,
  vbp,
  synflow,
  synflowL2,
  px,
  ntkSap,
  movement,
] as readonly Criterion[];

/** The shipped criteria by name. */
export const CRITERIA: ReadonlyMap<string, Criterion> = new Map(ALL.map((criterion) => [criterion.name, criterion]));

/** @throws UsageError naming the known ones. */
export function criterionByName(name: string): Criterion {
  const criterion = CRITERIA.get(name);
  if (!criterion)
    throw new UsageError(`method: expected ${[...CRITERIA.keys()].join(", ")}, got "${name}"; choose one`);
  return criterion;
}

export {
  fisher,
  gateTaylor,
  grasp,
  lamp,
  magnitude,
  magnitudeL2,
  magnitudeNormalized,
  movement,
  ntkSap,
  obd,
  obs,
  px,
  random,
  snip,
  sparseGpt,
  synflow,
  synflowL2,
  taylor,
  taylorSecond,
  taylorSquared,
  vbp,
  wanda,
};

/** Kept units on the host: their number, and the masks over a model's parameters that follow from them. */
import { packBits } from "../../kernels/index.js";
import type { Model } from "../../nn/index.js";
import { Tensor } from "../../tensor/index.js";
import type { UnitSpace } from "../units.js";
import { applyUnits } from "./masks.js";

/** Masks the parameters of the units that go; what was removed before stays removed. @param kept - by group name, 1 for each unit that stays */
export function applyKept(model: Model, space: UnitSpace, kept: ReadonlyMap<string, Uint8Array>): void {
  const units = new Uint8Array(space.count);
  for (const { name, offset } of space.groups) units.set(kept.get(name)!, offset);
  using _temporaries = model.gpu.scope();
  applyUnits(model, space, Tensor.from(model.gpu, packBits(units)), true);
}

/** Units that stay, from one byte a unit. */
export const countUnits = (kept: Uint8Array): number => kept.reduce((sum, bit) => sum + bit, 0);

import { packBits } from "../../src/kernels/index.js";
import type { Model, UnitKind } from "../../src/nn/index.js";
import { applyUnits, unitSpace } from "../../src/prune/index.js";
import { Tensor } from "../../src/tensor/index.js";
import { randomGenerator } from "./random.js";

/** Removes some units of these kinds, at random, by masks. Kinds that overlap meet in one mask: what one of them removes is gone. */
export function maskUnits(model: Model, kinds: readonly UnitKind[], seed: number, density: number): void {
  const next = randomGenerator(seed);
  const space = unitSpace(model, kinds);
  const keep = Uint8Array.from({ length: space.count }, () => (next() < density ? 1 : 0));
  applyUnits(model, space, Tensor.from(model.gpu, packBits(keep)));
}

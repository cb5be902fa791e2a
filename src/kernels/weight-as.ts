/** Weights that take part as something else than they hold, without a copy of them in memory. */
import { constantNumber } from "../gpu/shader.js";
import * as shaders from "./shaders.gen.js";

/** What the elements of a weight count as where they are read, before the mask: their squares, or ones, for which no element is read. */
export type WeightAs = "square" | "one";

const VALUES = {
  square: constantNumber(shaders.matmul_tile, "SQUARE"),
  one: constantNumber(shaders.matmul_tile, "ONE"),
};

/** Constants of shaders/shared/weight_as.wgsl. */
export const weightConstants = (weightAs: WeightAs | undefined) => (weightAs ? { WEIGHT_AS: VALUES[weightAs] } : {});

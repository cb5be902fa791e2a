/** Operations of a tensor with one value a unit. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import * as shaders from "./shaders.gen.js";
import { type UnitLayout, unitVariant } from "./units.js";

/** y[i] = x[i] * g[unit of i], or x[i] + g[unit of i]. */
export function periodic(
  gpu: Gpu,
  op: string,
  buffers: { x: BufferLike; g: BufferLike; y: BufferLike },
  { length, inner, period }: UnitLayout,
  add: boolean,
): void {
  requireElements(op, buffers, { x: length, g: Math.min(period, Math.ceil(length / inner)), y: length });
  const { constants, inFours } = unitVariant({ inner, period });
  const call = { buffers, params: { inner, period }, constants: { ...constants, ADD: add }, inFours };
  dispatchElementwise(gpu, shaders.periodic, call, length);
}

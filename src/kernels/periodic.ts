/** Operations of a tensor with one value a unit. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements, type StorageOptions } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import { type UnitLayout, unitVariant } from "./units.js";

/** y[i] = x[i] * g[unit of i], or x[i] + g[unit of i]; `storage` is that of x and y. */
export function periodic(
  gpu: Gpu,
  op: string,
  buffers: { x: BufferLike; g: BufferLike; y: BufferLike },
  { length, inner, period }: UnitLayout,
  add: boolean,
  { storage }: StorageOptions = {},
): void {
  requireSizes(op, { length, inner, period });
  requireElements(op, { x: buffers.x, y: buffers.y }, { x: length, y: length }, storage);
  requireElements(op, { g: buffers.g }, { g: Math.min(period, Math.ceil(length / inner)) });
  const { constants, inFours } = unitVariant({ inner, period });
  const call = { buffers, params: { inner, period }, constants: { ...constants, ADD: add }, inFours, storage };
  dispatchElementwise(gpu, shaders.periodic, call, length);
}

/** Masks of a model's parameters: on the device as bits, outside as bytes. */
import { UsageError } from "../../errors.js";
import { expandMask, maskByteLength, packBits, unpackBits } from "../../kernels/mask.js";
import type { Model } from "../../nn/model.js";
import type { Parameter } from "../../nn/parameter.js";
import { Tensor } from "../../tensor/index.js";
import type { UnitSpace } from "../units.js";

/** A mask as it lies in a file: one byte a value, 1 = keep, in the parameter's shape. */
export interface HostMask {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Masks by parameter. */
export type MaskSet = ReadonlyMap<string, HostMask>;

/** Gives a parameter a mask of undefined bits, unless it has one. True when it had none: recorded steps have to be recorded again. */
function ensureMask(parameter: Parameter): boolean {
  if (parameter.mask) return false;
  const { gpu } = parameter.value;
  // Masks stay over the model when a scope of the caller ends.
  parameter.mask = gpu.unscoped(() => Tensor.empty(gpu, [maskByteLength(parameter.size) / 4], "u32"));
  return true;
}

/**
 * Writes the keep bits of units into the masks of every parameter that they are made of. A weight that belongs to units of several groups, as one
 * between two neurons does, stays while all of them stay. Returns whether a parameter got its first mask.
 *
 * @param narrow - what masks removed before stays removed; default: bits are written anew
 */
export function applyUnits(model: Model, space: UnitSpace, keep: Tensor, narrow = false): boolean {
  let attached = false;
  const masked = narrow ? [...model.parameters].filter(({ mask }) => mask) : [];
  const written = new Set(masked.map(({ name }) => name));
  for (const { offset, members } of space.groups) {
    for (const { parameter: name, ...unit } of members) {
      const parameter = model.parameters.get(name);
      attached = ensureMask(parameter) || attached;
      const placement = { length: parameter.size, ...unit, offset, intersect: written.has(name) };
      expandMask(model.gpu, { units: keep, mask: parameter.mask! }, placement);
      written.add(name);
    }
  }
  return attached;
}

/** Copies all masks to the host. Parameters without one have no entry. */
export async function readMasks(model: Model): Promise<Map<string, HostMask>> {
  const masks = new Map<string, HostMask>();
  for (const { name, value, mask, size } of model.parameters) {
    if (mask) masks.set(name, { shape: [...value.shape], data: unpackBits(await mask.readWords(), size) });
  }
  return masks;
}

/**
 * @param source - name of the file that they came from, for messages
 * @throws UsageError for a name, shape or value that does not fit the weights.
 */
export function checkMasks(
  masks: MaskSet,
  shapeOf: (name: string) => readonly number[] | undefined,
  source?: string,
): void {
  for (const [name, { shape, data }] of masks) {
    const mask = source === undefined ? `mask ${name}` : `${source}: mask ${name}`;
    const expected = shapeOf(name);
    if (!expected) {
      throw new UsageError(`${mask}: expected a parameter of this model, got none; use the masks of this model`);
    }
    if (shape.join() !== expected.join()) {
      throw new UsageError(`${mask}: expected shape [${expected}], got [${shape}]; use the masks of this model`);
    }
    if (data.some((bit) => bit > 1))
      throw new UsageError(`${mask}: expected values 0 and 1, got others; write it again`);
  }
}

/** Puts masks over a model's parameters; those without an entry keep the mask that they have. @throws UsageError for a name, shape or value that does not fit; nothing is changed then. */
export function writeMasks(model: Model, masks: MaskSet): void {
  const { parameters } = model;
  checkMasks(masks, (name) => (parameters.has(name) ? parameters.get(name).value.shape : undefined));
  for (const [name, { data }] of masks) {
    const parameter = parameters.get(name);
    ensureMask(parameter);
    parameter.mask!.write(packBits(data));
  }
}

/** Takes all masks away: the dense model is back, as weights were never changed. */
export function clearMasks({ gpu, parameters }: Model): void {
  for (const parameter of parameters) {
    if (parameter.mask) gpu.release(parameter.mask);
    parameter.mask = undefined;
  }
}

/** Weights with removed values set to zero. */
export function maskWeights<T extends { readonly shape: readonly number[]; readonly data: Float32Array }>(
  weights: ReadonlyMap<string, T>,
  masks: MaskSet,
): Map<string, { shape: readonly number[]; data: Float32Array }> {
  return new Map(
    [...weights].map(([name, { shape, data }]) => {
      const mask = masks.get(name)?.data;
      return [name, { shape, data: mask ? data.map((value, index) => (mask[index] ? value : 0)) : data }];
    }),
  );
}

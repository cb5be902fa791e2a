/** Masks as the bytes of a safetensors file: u8, 1 = keep, named as the parameters in the model's file. */
import { FormatError } from "../../errors.js";
import { detectNaming, fromTimmNames, type Naming, toTimmNames } from "../../io/names.js";
import { encodeSafetensors, type HostTensor, parseSafetensors } from "../../io/safetensors.js";
import type { HostMask, MaskSet } from "./masks.js";

/** @param naming - whose names the model's file uses */
export function encodeMasks(masks: MaskSet, naming: Naming = "timm"): Uint8Array<ArrayBuffer> {
  const tensors = [...masks].map(([name, { shape, data }]): [string, HostTensor<"U8">] => [
    name,
    { dtype: "U8", shape, data },
  ]);
  return encodeSafetensors(fromTimmNames(tensors, naming));
}

/**
 * Reads masks under timm's names, whichever naming the file has.
 *
 * @param source - name of the file, for messages
 * @throws FormatError for a malformed file, or tensors that are no masks.
 */
export function parseMasks(bytes: Uint8Array, source: string): Map<string, HostMask> {
  const { tensors } = parseSafetensors(bytes, source);
  const masks = new Map<string, HostMask>();
  for (const [name, { dtype, shape, data }] of toTimmNames(tensors, detectNaming(tensors.keys()), source)) {
    if (dtype !== "U8" && dtype !== "BOOL") {
      throw new FormatError(`${source}: expected masks as U8 or BOOL, got ${dtype} in ${name}; give masks.safetensors`);
    }
    if (data.some((bit) => bit > 1)) {
      throw new FormatError(`${source}: ${name}: expected values 0 and 1, got others; give masks.safetensors`);
    }
    masks.set(name, { shape, data });
  }
  return masks;
}

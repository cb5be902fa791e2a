/** Rows of v that nothing reads once their channel of attention's output is gone: masked too, so that masks count what compacting cuts. */
import type { Model } from "../../nn/index.js";
import { type HostMask, type MaskSet, readMasks, writeMasks } from "../masks/masks.js";

/**
 * Masks these rows of qkv and their biases, on the model and in what is returned: all of its masks.
 *
 * @param kept - by place; of those called `<block>.attn.out`, 1 for each channel that stays
 */
export async function maskIdleValues(model: Model, kept: ReadonlyMap<string, Uint8Array>): Promise<MaskSet> {
  const masks = await readMasks(model);
  for (const [place, channels] of kept) {
    if (!place.endsWith(".attn.out")) continue;
    for (const part of ["weight", "bias"]) {
      const name = place.replace(/out$/, `qkv.${part}`);
      if (!model.parameters.has(name)) continue;
      const { value, size } = model.parameters.get(name);
      const mask: HostMask = masks.get(name) ?? { shape: [...value.shape], data: new Uint8Array(size).fill(1) };
      const inRow = size / (3 * channels.length);
      for (const [channel, stays] of channels.entries()) {
        const row = 2 * channels.length + channel;
        if (!stays) mask.data.fill(0, row * inRow, (row + 1) * inRow);
      }
      masks.set(name, mask);
    }
  }
  writeMasks(model, masks);
  return masks;
}

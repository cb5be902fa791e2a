import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { maskByteLength } from "./mask.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/**
 * Bit i of `bits` = x[i] > 0: where a ReLU lets pass, as a mask that `applyMask` takes. Writes every word of the mask; padding bits become 0.
 * @throws ShapeError when a buffer is too short.
 */
export function activationBits(
  gpu: Gpu,
  { x, bits }: { x: BufferLike; bits: BufferLike },
  { length }: { length: number },
): void {
  const words = maskByteLength(length) / 4;
  requireSizes("activationBits", { length });
  requireElements("activationBits", { x, bits }, { x: length, bits: words });
  const width = loadWidth(length);
  const call = {
    buffers: { x, bits },
    params: { length: length / width },
    constants: valueConstants(shaders.activation_bits, width),
    inFours: false, // what the kernel counts are words of bits
  };
  dispatchElementwise(gpu, shaders.activation_bits, call, words);
}

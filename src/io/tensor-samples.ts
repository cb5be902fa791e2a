import { FormatError } from "../errors.js";
import type { SampleArrays } from "./dataset.js";
import { parseSafetensors } from "./safetensors.js";
import { shapeText } from "./text.js";

/**
 * Samples from a safetensors file with `images` (F32, already normalised, or U8; `[N, C, H, W]` or `[N, inputs]`) and
 * `labels` (I64, I32 or U8; `[N]`). Other tensors are ignored.
 *
 * @throws FormatError for tensors that are missing, of other types or shapes, or images that are not finite.
 */
export function tensorSamples(bytes: Uint8Array, source: string): SampleArrays {
  const { tensors } = parseSafetensors(bytes, source);
  const images = tensors.get("images");
  const labels = tensors.get("labels");
  if (!images || !(images.dtype === "F32" || images.dtype === "U8") || images.shape.length < 2) {
    const got = images ? `${images.dtype} ${shapeText(images.shape)}` : "none";
    throw new FormatError(
      `${source}: expected a tensor "images", F32 or U8, N x C x H x W or N x inputs, got ${got}; add it`,
    );
  }
  if (!labels || labels.dtype === "F32" || labels.dtype === "BOOL" || labels.shape.length !== 1) {
    const got = labels ? `${labels.dtype} ${shapeText(labels.shape)}` : "none";
    throw new FormatError(`${source}: expected a tensor "labels", I64, I32 or U8, of shape N, got ${got}; add it`);
  }
  if (!images.data.every((value) => Number.isFinite(value))) {
    throw new FormatError(`${source}: expected finite values in "images", got NaN or infinity; write the file again`);
  }
  return { shape: images.shape, data: images.data, labels: labels.data };
}

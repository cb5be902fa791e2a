import { FormatError } from "../errors.js";
import type { Codec } from "./decode.js";
import { checkJpeg } from "./jpeg-check.js";
import { checkPng, pngSignature } from "./png-check.js";

/** Decoding more than this needs more memory than a training image is worth; such files are mostly attacks. */
export const maxPixels = 100_000_000;

/** What a file's structure says about its image. */
export interface ImageHeader {
  readonly width: number;
  readonly height: number;
  /** Colour components of a JPEG: 1 grey, 3 colour, 4 CMYK. A PNG may have any; all become RGBA. */
  readonly components?: number;
}

/**
 * Tells JPEG from PNG and refuses what a decoder would take silently or die of: truncated files, CMYK, absurd sizes.
 *
 * @throws FormatError naming the file.
 */
export function imageKind(bytes: Uint8Array, source: string): Codec {
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isJpeg && !pngSignature.every((byte, index) => bytes[index] === byte)) {
    throw new FormatError(`${source}: expected a JPEG or PNG image, got something else; remove or replace the file`);
  }
  const header = (isJpeg ? checkJpeg : checkPng)(bytes);
  if (!header)
    throw new FormatError(`${source}: expected a whole image, got a truncated or damaged one; fetch it again`);
  const { width, height, components = 3 } = header;
  if (width === 0 || height === 0 || width * height > maxPixels) {
    throw new FormatError(
      `${source}: expected 1 to ${maxPixels} pixels, got ${width} x ${height}; remove or replace it`,
    );
  }
  if (components > 3) {
    throw new FormatError(`${source}: expected grey or RGB, got a JPEG of ${components} components (CMYK); convert it`);
  }
  return isJpeg ? "jpeg" : "png";
}

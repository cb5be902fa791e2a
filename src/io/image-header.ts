import { FormatError } from "../errors.js";
import type { Codec } from "./decode.js";

/** Decoding more than this needs more memory than a training image is worth; such files are mostly attacks. */
export const maxPixels = 100_000_000;

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Tells JPEG from PNG and refuses what a decoder would take silently or die of: truncated files, CMYK, absurd sizes.
 *
 * @throws FormatError naming the file.
 */
export function imageKind(bytes: Uint8Array, source: string): Codec {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    checkJpeg(bytes, source);
    return "jpeg";
  }
  if (pngSignature.every((byte, index) => bytes[index] === byte)) {
    if (bytes.length < 33) throw truncated(source);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    checkSize(view.getUint32(16), view.getUint32(20), source);
    return "png";
  }
  throw new FormatError(`${source}: expected a JPEG or PNG image, got something else; remove or replace the file`);
}

const truncated = (source: string) =>
  new FormatError(`${source}: expected a whole image, got a truncated file; fetch the file again`);

function checkSize(width: number, height: number, source: string): void {
  if (width > 0 && height > 0 && width * height <= maxPixels) return;
  throw new FormatError(
    `${source}: expected 1 to ${maxPixels} pixels, got ${width} x ${height}; remove or replace the file`,
  );
}

/** Walks a JPEG's segments to its end mark, which libjpeg does not insist on. */
function checkJpeg(bytes: Uint8Array, source: string): void {
  const word = (at: number) => (bytes[at] << 8) | bytes[at + 1];
  let frames = 0;
  let at = 2;
  while (at + 4 <= bytes.length || word(at) === 0xffd9) {
    if (bytes[at] !== 0xff)
      throw new FormatError(`${source}: expected a JPEG marker at byte ${at}, got none; replace the file`);
    const marker = bytes[at + 1];
    if (marker === 0xd9 && frames > 0) return;
    if (marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (isFrame(marker)) {
      frames++;
      checkSize(word(at + 7), word(at + 5), source);
      if (bytes[at + 9] !== 1 && bytes[at + 9] !== 3) {
        throw new FormatError(`${source}: expected grey or RGB, got a JPEG of ${bytes[at + 9]} components; convert it`);
      }
    }
    at += 2 + word(at + 2);
    if (marker === 0xda) at = scanEnd(bytes, at);
  }
  throw truncated(source);
}

/** Start-of-frame markers C0 to CF, less the tables DHT (C4), JPG (C8) and DAC (CC). */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** The next marker after entropy-coded data, where FF is followed by 0 (a stuffed byte) or by a restart mark. */
function scanEnd(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}

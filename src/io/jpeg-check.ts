import type { ImageHeader } from "./image-header.js";

/**
 * Walks a JPEG's segments to its end mark, which libjpeg does not insist on.
 *
 * @returns nothing for a file that is truncated or not made of segments
 */
export function checkJpeg(bytes: Uint8Array): ImageHeader | undefined {
  const word = (at: number) => (bytes[at] << 8) | bytes[at + 1];
  let header: ImageHeader | undefined;
  for (let at = 2; at + 1 < bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1];
    if (marker === endOfImage) return header;
    if (marker === 0xff) {
      at++; // A fill byte.
      continue;
    }
    if (isFrame(marker)) header = { width: word(at + 7), height: word(at + 5), components: bytes[at + 9] };
    at += 2 + word(at + 2);
    if (marker === startOfScan) at = scanEnd(bytes, at);
  }
  return undefined;
}

const endOfImage = 0xd9;
const startOfScan = 0xda;

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

import type { ImageHeader } from "./image-header.js";

export const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;

/**
 * Walks a PNG's chunks to `IEND` and checks their CRCs. The decoder would find damage too, but keeps the memory it had
 * taken until then.
 *
 * @returns nothing for a file that is truncated or damaged
 */
export function checkPng(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: ImageHeader | undefined;
  for (let at = pngSignature.length; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length || crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) return undefined;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "IHDR" && end - at >= 21) {
      header = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    }
    if (type === "IEND") return header;
    at = end + 4;
  }
  return undefined;
}

/** CRC-32 of ISO 3309, reflected polynomial EDB88320. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

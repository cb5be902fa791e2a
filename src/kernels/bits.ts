/** Masks on the host: element i is bit i & 31 of word i >> 5. */

/** On the host, not the GPU: packs numbers into bits, 1 where the value is not 0. Bits past the end are 0. */
export function packBits(values: ArrayLike<number>): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(values.length / 32));
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) words[i >> 5] |= 1 << (i & 31);
  return words;
}

/** On the host, not the GPU: the first `length` bits as bytes of 0 or 1, beginning with bit `offset`. */
export function unpackBits(words: Uint32Array, length: number, offset = 0): Uint8Array<ArrayBuffer> {
  const values = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const at = i + offset;
    values[i] = (words[Math.floor(at / 32)] >>> (at & 31)) & 1;
  }
  return values;
}

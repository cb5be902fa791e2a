/**
 * Widens IEEE binary16 to binary32, exactly: 1 sign, 5 exponent (bias 15) and 10 mantissa bits.
 *
 * @param bits - one value in each element
 */
export function widenFloat16(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  const words = new Uint32Array(out.buffer);
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i] & 0x8000) << 16;
    const exponent = (bits[i] >> 10) & 0x1f;
    const mantissa = bits[i] & 0x3ff;
    if (exponent === 0) out[i] = (sign ? -1 : 1) * mantissa * 2 ** -24;
    else if (exponent === 31) words[i] = sign | 0x7f800000 | (mantissa << 13);
    else words[i] = sign | ((exponent + 112) << 23) | (mantissa << 13);
  }
  return out;
}

/** Widens bfloat16, which is the upper half of a binary32, exactly. */
export function widenBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}

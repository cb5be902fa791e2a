const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** One value as binary16, to nearest, ties to even. */
function narrow(value: number): number {
  single[0] = value;
  const bits = singleBits[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // from 65,520 on, which is nearer to 2^16 than to the largest
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(single[0]) * 2 ** 24); // in steps of 2^-24
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/**
 * Rounds binary32 to binary16, to nearest, ties to even; what is beyond 65,504 by half a step or more becomes infinite.
 *
 * @returns one value in each element
 */
export function narrowFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = narrow(values[i]);
  return bits;
}

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

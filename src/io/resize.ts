import type { Image } from "./image.js";

/** How pixels are resampled. */
export type Interpolation = "bicubic" | "bilinear";

/** A resampling kernel, zero outside of |x| < support. */
interface Filter {
  readonly support: number;
  readonly at: (x: number) => number;
}

const filters: Record<Interpolation, Filter> = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  /** Keys' cubic with a = -0.5. */
  bicubic: {
    support: 2,
    at(signed) {
      const a = -0.5;
      const x = Math.abs(signed);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
};

/**
 * Resizes as Pillow does, byte for byte: antialiased (the filter widens by the scale when shrinking), columns first,
 * then rows, fixed-point weights, rounded to 8 bits after each pass.
 */
export function resize(image: Image, width: number, height: number, interpolation: Interpolation): Image {
  const { channels } = image;
  const filter = filters[interpolation];
  const wide = resample(image.data, image.height, image.width, width, channels, filter);
  const data = resample(wide, 1, image.height, height, width * channels, filter);
  return { width, height, channels, data };
}

/**
 * Resamples the middle axis of `[outer, size, inner]` to `[outer, newSize, inner]`.
 * A copy-free no-op where the size stays.
 */
function resample(
  data: Uint8Array,
  outer: number,
  size: number,
  newSize: number,
  inner: number,
  filter: Filter,
): Uint8Array {
  if (size === newSize) return data;
  const { taps, first, count, weights } = filterWeights(size, newSize, filter);
  const out = new Uint8Array(outer * newSize * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < newSize; i++) {
      const source = (o * size + first[i]) * inner;
      const target = (o * newSize + i) * inner;
      for (let k = 0; k < inner; k++) {
        let sum = half;
        for (let tap = 0; tap < count[i]; tap++) sum += data[source + tap * inner + k] * weights[i * taps + tap];
        out[target + k] = Math.min(255, Math.max(0, sum >> fractionBits));
      }
    }
  }
  return out;
}

/** 32 bits less 8 of the value and 2 for overshoot. */
const fractionBits = 22;
const half = 1 << (fractionBits - 1);

/** For output i: `count[i]` fixed-point weights from index `i * taps`, for inputs from `first[i]`. */
function filterWeights(size: number, newSize: number, filter: Filter) {
  const scale = size / newSize;
  const stretch = Math.max(scale, 1);
  const inverse = 1 / stretch;
  const support = filter.support * stretch;
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(newSize);
  const count = new Int32Array(newSize);
  const weights = new Int32Array(newSize * taps);
  for (let i = 0; i < newSize; i++) {
    const centre = (i + 0.5) * scale;
    first[i] = Math.max(0, Math.trunc(centre - support + 0.5));
    count[i] = Math.min(size, Math.trunc(centre + support + 0.5)) - first[i];
    const exact = Array.from({ length: count[i] }, (_, tap) => filter.at((tap + first[i] - centre + 0.5) * inverse));
    const total = exact.reduce((sum, weight) => sum + weight, 0);
    for (const [tap, weight] of exact.entries()) {
      const fixed = (weight / total) * (1 << fractionBits);
      weights[i * taps + tap] = Math.trunc(fixed + (fixed < 0 ? -0.5 : 0.5));
    }
  }
  return { taps, first, count, weights };
}

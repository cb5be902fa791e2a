/** |got - want| <= atol + rtol * |want|, with rtol growing as the square root of the number of summed terms. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
  /** Terms in each sum of the kernel, when it sums. */
  readonly terms?: number;
}

export const EXACT: Tolerance = { atol: 0, rtol: 0 };

/** Half an ulp of f32 is 6e-8; a few operations in a row stay within this. */
export const elementwise: Tolerance = { atol: 1e-6, rtol: 2e-6 };

export const sumOf = (terms: number, scale = 1): Tolerance => ({ atol: 1e-6 * scale, rtol: 1e-6, terms });

/** The worst element outside of the tolerance, as a sentence, or undefined when all are inside. `scale` is the size of typical terms. */
export function mismatch(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: Tolerance): string | undefined {
  if (got.length !== want.length) return `expected ${want.length} elements, got ${got.length}`;
  const growth = Math.sqrt(tolerance.terms ?? 1);
  let worst = 0;
  let at = -1;
  for (let i = 0; i < want.length; i++) {
    if (Object.is(got[i], want[i]) || got[i] === want[i]) continue;
    if (Number.isNaN(got[i]) && Number.isNaN(want[i])) continue;
    const allowed = (tolerance.atol + tolerance.rtol * Math.abs(want[i])) * growth;
    const error = Math.abs(got[i] - want[i]) / allowed;
    if (!(error <= 1) && !(error <= worst)) {
      worst = error;
      at = i;
    }
  }
  return at < 0
    ? undefined
    : `element ${at}: expected ${want[at]}, got ${got[at]} (${worst.toPrecision(3)} x the tolerance)`;
}

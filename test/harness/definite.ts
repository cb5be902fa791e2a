/** Symmetric positive definite matrices of a known condition number, and their float64 factors. */
import { normals } from "./random.js";

/** n x n with eigenvalues from 1 down to 1 / condition, evenly spaced in the logarithm, in directions that three Householder reflections mix; exactly symmetric. */
export function definiteMatrix(n: number, condition: number, seed: number): Float32Array {
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) a[i * n + i] = condition ** -(n > 1 ? i / (n - 1) : 0);
  for (let reflection = 0; reflection < 3; reflection++) {
    const v = normals(n, seed + reflection);
    const scale = 2 / v.reduce((sum, x) => sum + x * x, 0);
    reflect(a, v, scale, n, 1);
    reflect(a, v, scale, 1, n);
  }
  return Float32Array.from(a, (_, i) => a[Math.max(i % n, Math.floor(i / n)) * n + Math.min(i % n, Math.floor(i / n))]);
}

/** a -= scale * v (v^T a), along the axis of stride `along`. */
function reflect(a: Float64Array, v: Float32Array, scale: number, along: number, across: number): void {
  const n = v.length;
  for (let j = 0; j < n; j++) {
    let dot = 0;
    for (let i = 0; i < n; i++) dot += v[i] * a[i * along + j * across];
    for (let i = 0; i < n; i++) a[i * along + j * across] -= scale * dot * v[i];
  }
}

/** A + damping * mean(diagonal of A) * I in float64. */
export function damped(a: ArrayLike<number>, n: number, damping = 0): Float64Array {
  const result = Float64Array.from(a);
  let trace = 0;
  for (let i = 0; i < n; i++) trace += a[i * (n + 1)];
  for (let i = 0; i < n; i++) result[i * (n + 1)] += (damping * trace) / n;
  return result;
}

/** V upper triangular with A = V V^T, by columns from the last one. */
function upperFactor(a: ArrayLike<number>, n: number): Float64Array {
  const v = new Float64Array(n * n);
  for (let j = n - 1; j >= 0; j--) {
    for (let i = j; i >= 0; i--) {
      let sum = a[j * n + i];
      for (let k = j + 1; k < n; k++) sum -= v[i * n + k] * v[j * n + k];
      v[i * n + j] = i === j ? Math.sqrt(sum) : sum / v[j * n + j];
    }
  }
  return v;
}

/** U upper triangular with U^T U = A^-1, as V^-1 by back substitution. */
export function inverseFactor(a: ArrayLike<number>, n: number): Float64Array {
  const v = upperFactor(a, n);
  const u = new Float64Array(n * n);
  for (let i = n - 1; i >= 0; i--) {
    const row = new Float64Array(n);
    row[i] = 1;
    for (let k = i + 1; k < n; k++) {
      const factor = v[i * n + k];
      for (let j = k; j < n; j++) row[j] -= factor * u[k * n + j];
    }
    for (let j = i; j < n; j++) u[i * n + j] = row[j] / v[i * n + i];
  }
  return u;
}

/** U^T U. */
export function inverseOf(u: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    for (let i = k; i < n; i++) {
      for (let j = k; j < n; j++) inverse[i * n + j] += u[k * n + i] * u[k * n + j];
    }
  }
  return inverse;
}

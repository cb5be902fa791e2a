/** Scores that are hard to select among, and their order. */
import { normals, randomGenerator } from "./random.js";

/** Total order of selection: NaN above infinity, -0 equal to +0. */
export const compareScores = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
};

/** Places of scores[offset ...] from the smallest score, equal ones from the lowest index. */
export function rankOrder(scores: Float32Array, offset = 0, count = scores.length - offset): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => offset + i);
  return order.sort((a, b) => compareScores(scores[a], scores[b]) || a - b);
}

export type ScoreFill = (length: number, seed: number) => Float32Array;

export const products: ScoreFill = (length, seed) => normals(length, seed).map((g, i) => Math.abs(g * (i % 13) * 1e-3));
export const signed: ScoreFill = (length, seed) => normals(length, seed);
export const halfZeros: ScoreFill = (length, seed) => products(length, seed).map((score, i) => (i % 2 ? 0 : score));
export const coarse: ScoreFill = (length, seed) => normals(length, seed).map((value) => Math.round(value * 4) / 4);
/** A few of each. */
export const grainy: ScoreFill = (length, seed) =>
  normals(length, seed).map((value) => Math.round((value * length) / 20) / length);
/** Thousands of each. */
export const rounded: ScoreFill = (length, seed) => normals(length, seed).map((value) => Math.round(value * 100) / 100);
/** As f16 holds them: eleven bits. */
export const halfPrecision: ScoreFill = (length, seed) =>
  normals(length, seed).map((value) => {
    const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
    return Math.round(value / step) * step;
  });
/** Neighbouring floats from 1 on, `distinct` of them. */
export const neighbours =
  (distinct: number): ScoreFill =>
  (length, seed) => {
    const next = randomGenerator(seed);
    return Float32Array.from({ length }, () => 1 + Math.floor(next() * distinct) * 2 ** -23);
  };
/** Two values, half of the scores each but for 4 in 1000 in the middle: those lie between. */
export const parted =
  (low: number, high: number, middle: (x: number) => number): ScoreFill =>
  (length, seed) => {
    const next = randomGenerator(seed);
    return Float32Array.from({ length }, (_, i) => {
      if (i % 1000 < 498) return low;
      return i % 1000 < 502 ? middle(next()) : high;
    });
  };
export const constant: ScoreFill = (length) => new Float32Array(length).fill(0.25);
export const special: ScoreFill = (length, seed) => {
  const values = [0, -0, 1e-45, -1e-45, 1e-40, Infinity, -Infinity, Number.NaN, 1, -1, 3.4e38, -3.4e38];
  const next = randomGenerator(seed);
  const scores = Float32Array.from({ length }, () => values[Math.floor(next() * values.length)]);
  const words = new Uint32Array(scores.buffer);
  for (let i = 0; i < length; i += 17) words[i] = i % 2 ? 0xffc00001 : 0x7f800001; // NaNs of both signs
  return scores;
};
/** Small whole numbers, whose sums are exact. */
export const integers: ScoreFill = (length, seed) => {
  const next = randomGenerator(seed);
  return Float32Array.from({ length }, () => Math.floor(next() * 300));
};

export const floatBits = (value: number): number =>
  Number.isNaN(value) ? 0x7fc00000 : new Uint32Array(Float32Array.of(value).buffer)[0];

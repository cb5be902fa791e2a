/** Random numbers of the host that depend on a seed and on what they are for, not on how many were drawn before. */

const GOLDEN = 0x9e3779b9;

/** A generator for one purpose, such as (seed, epoch): splitmix32 over the mixed keys. */
export function keyedGenerator(...keys: readonly number[]): () => number {
  let state = keys.reduce((mixed, key) => scramble((mixed + GOLDEN + key) >>> 0), 0);
  return () => {
    state = (state + GOLDEN) >>> 0;
    return scramble(state) / 2 ** 32;
  };
}

function scramble(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** Fisher-Yates. */
export function shuffled(length: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

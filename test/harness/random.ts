/** Seeded numbers for tests: mulberry32 and Box-Muller. */
export function randomGenerator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function normals(length: number, seed: number, scale = 1): Float32Array {
  const next = randomGenerator(seed);
  return Float32Array.from(
    { length },
    () => scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}

export function uniforms(length: number, seed: number, low = 0, high = 1): Float32Array {
  const next = randomGenerator(seed);
  return Float32Array.from({ length }, () => low + (high - low) * next());
}

/** Random words, to be read as bit masks with about `density` ones. */
export function maskWords(bits: number, seed: number, density = 0.5): Uint32Array {
  const next = randomGenerator(seed);
  const words = new Uint32Array(Math.ceil(bits / 32));
  for (let i = 0; i < bits; i++) if (next() < density) words[i >> 5] |= 1 << (i & 31);
  return words;
}

export const bit = (words: Uint32Array, index: number): number => (words[index >> 5] >>> (index & 31)) & 1;

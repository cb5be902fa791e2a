/** Philox 4x32-10 in plain integers, the oracle of shaders/shared/philox.wgsl. */
type Four = [number, number, number, number];

function multiply(a: number, b: number): [high: number, low: number] {
  const product = BigInt(a) * BigInt(b);
  return [Number(product >> 32n), Number(product & 0xffffffffn)];
}

export function philox(counter: Four, key: [number, number]): Four {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(0xd2511f53, c0);
    const [high1, low1] = multiply(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Word of element i at a call site, as src/kernels/random.ts lays counters out. */
export const drawWord = (i: number, stream: number, [seed, step]: Iterable<number>): number =>
  philox([Math.floor(i / 4), stream, step, 0], [seed, 0])[i % 4];

export const drawUniform = (i: number, stream: number, state: Iterable<number>): number =>
  (drawWord(i, stream, state) >>> 8) / 2 ** 24;

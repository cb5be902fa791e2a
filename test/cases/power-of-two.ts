import { powerOfTwo } from "../../src/kernels/power-of-two.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

/** The exponent found by halving and doubling, without logarithms. */
function oracle(x: ArrayLike<number>, comfortable = 0): number {
  let largest = 0;
  for (let i = 0; i < x.length; i++) {
    if (!Number.isFinite(x[i])) return 1;
    largest = Math.max(largest, Math.abs(x[i]));
  }
  if (largest === 0) return 1;
  let exponent = 0;
  for (; largest >= 2; largest /= 2) exponent++;
  for (; largest < 1; largest *= 2) exponent--;
  if (Math.abs(exponent) <= comfortable) return 1;
  return 2 ** -Math.max(-126, Math.min(126, exponent));
}

interface CaseOptions {
  readonly comfortable?: number;
  readonly benchOnly?: boolean;
}

const makeCase = (
  name: string,
  length: number,
  x: () => Float32Array,
  { comfortable, benchOnly }: CaseOptions = {},
): KernelCase => ({
  name: `powerOfTwo ${name}`,
  inputs: () => ({ x: x() }),
  outputs: { scale: { length: 1 } },
  run: (gpu, { x, scale }) => powerOfTwo(gpu, { x, scale }, { length, comfortable }),
  oracle: (inputs) => ({ scale: [oracle(inputs.x, comfortable)] }),
  tolerance: EXACT,
  bytes: 4 * length,
  benchOnly,
});

/** The last element is the largest. */
const topped = (length: number, top: number) => () => {
  const x = normals(length, length, top / 100);
  x[length - 1] = top;
  return x;
};

const below = (value: number) => value * (1 - 2 ** -24);

const single: [name: string, x: number[]][] = [
  ["one", [1]],
  ["zeros", [0, -0]],
  ["3 and -5", [3, -5]],
  ["powers of two", [0.25, -8, 4]],
  ["just below a power of two", [below(8)]],
  ["the smallest denormal", [0, 2 ** -149]],
  ["a denormal", [-(2 ** -130)]],
  ["just below the smallest normal number", [2 ** -126 - 2 ** -149]],
  ["the smallest normal number", [2 ** -126]],
  ["2^126", [2 ** 126]],
  ["2^127", [-(2 ** 127)]],
  ["the largest number", [2 ** 127 * (2 - 2 ** -23)]],
  ["infinity", [1, Number.NEGATIVE_INFINITY]],
  ["NaN", [Number.NaN, 5]],
];

export const cases: KernelCase[] = [
  ...single.map(([name, values]) => makeCase(`of ${name}`, values.length, () => Float32Array.from(values))),
  ...[31, 255, 256, 257, 4096, 4097, 8192, 8191, 70_004].map((length) =>
    makeCase(`of ${length}, -3e-20`, length, topped(length, -3e-20)),
  ),
  ...[8192, 8193].map((length) => makeCase(`of ${length}, denormal`, length, topped(length, 2 ** -140))),
  ...[0, 2 ** -130, below(2 ** -20), 2 ** -20, 1, below(2 ** 21), 2 ** 21, Number.POSITIVE_INFINITY].map((top) =>
    makeCase(`of ${top}, comfortable 20`, 3, () => Float32Array.of(0, top, -top / 2), { comfortable: 20 }),
  ),
  makeCase("of 2 million", 2_000_000, topped(2_000_000, 1e30), { benchOnly: true }),
];

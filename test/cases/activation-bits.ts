import { activationBits } from "../../src/kernels/activation-bits.js";
import { applyMask } from "../../src/kernels/mask.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

const values = (length: number) => {
  const x = normals(length, length);
  x.set([0, -0, 1e-30, -1e-30, Number.POSITIVE_INFINITY].slice(0, length));
  return x;
};

const lengths: [length: number, benchOnly?: boolean][] = [
  [1],
  [31],
  [32],
  [33],
  [2047],
  [2060],
  [65_537],
  [16 * 64 * 32 * 32, true],
];

export const cases: KernelCase[] = lengths.flatMap(([length, benchOnly]): KernelCase[] => [
  {
    name: `activationBits ${length}`,
    inputs: () => ({ x: values(length) }),
    outputs: { bits: { length: Math.ceil(length / 32), type: "u32" } },
    run: (gpu, { x, bits }) => activationBits(gpu, { x, bits }, { length }),
    oracle: ({ x }) => {
      const bits = new Uint32Array(Math.ceil(length / 32));
      for (let i = 0; i < length; i++) if (x[i] > 0) bits[i >> 5] |= 1 << (i & 31);
      return { bits };
    },
    tolerance: EXACT,
    bytes: 4 * length + length / 8,
    benchOnly,
  },
  {
    // The gradient of a ReLU from its bits alone is the one from its input.
    name: `activationBits and applyMask ${length}`,
    inputs: () => ({ x: values(length), dy: normals(length, 2) }),
    outputs: { dx: { length } },
    run: (gpu, { x, dy, dx }) => {
      using _temporaries = gpu.scope();
      const bits = gpu.allocate(4 * Math.ceil(length / 32));
      activationBits(gpu, { x, bits }, { length });
      applyMask(gpu, { x: dy, mask: bits, y: dx }, { length });
    },
    oracle: ({ x, dy }) => ({ dx: Float64Array.from(dy, (value, i) => (x[i] > 0 ? value : 0)) }),
    tolerance: EXACT,
    bytes: 12 * length,
    benchOnly,
  },
]);

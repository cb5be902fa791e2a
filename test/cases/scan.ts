import { type ScanBlock, type ScanSize, scan } from "../../src/kernels/scan.js";
import { EXACT, sumOf } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals, randomGenerator } from "../harness/random.js";

const words = (length: number): Uint32Array => {
  const next = randomGenerator(length);
  return Uint32Array.from({ length }, () => next() * 2 ** 32);
};

function scanCase(size: ScanSize, block?: ScanBlock, benchOnly = false): KernelCase {
  const { length, type, exclusive } = size;
  const oracle = (x: ArrayLike<number>) => {
    let sum = 0;
    return Float64Array.from({ length }, (_, i) => {
      const before = sum;
      sum += x[i];
      if (type === "u32") sum %= 2 ** 32;
      return exclusive ? before : sum;
    });
  };
  return {
    name: `scan ${type} ${length}${exclusive ? " exclusive" : ""}${block ? `, ${block.GROUP} x ${block.EACH}` : ""}`,
    inputs: () => ({ x: type === "u32" ? words(length) : normals(length, length) }),
    outputs: { y: { length, type } },
    run: (gpu, { x, y }) => scan(gpu, { x, y }, size, block),
    oracle: ({ x }) => ({ y: oracle(x) }),
    tolerance: type === "u32" ? EXACT : sumOf(length),
    flops: 2 * length,
    bytes: 8 * length,
    benchOnly,
  };
}

const SMALL = { GROUP: 8, EACH: 4 };

export const cases: KernelCase[] = [
  ...(["u32", "f32"] as const).flatMap((type) =>
    [1, 2, 511, 512, 513, 1021, 1025, 300_007].flatMap((length) =>
      [false, true].map((exclusive) => scanCase({ length, type, exclusive })),
    ),
  ),
  scanCase({ length: 300_007, type: "u32" }, { GROUP: 256, EACH: 4 }),
  scanCase({ length: 300_007, type: "f32", exclusive: true }, { GROUP: 256, EACH: 4 }),
  scanCase({ length: 65_536 * 32 + 1, type: "u32" }, SMALL), // more groups than one dimension has
  scanCase({ length: 22_000_000, type: "f32" }, undefined, true),
];

import { gate, gateGradient } from "../../src/kernels/gate.js";
import { elementwise, sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

function forward(x: Numbers, g: Numbers, inner: number): Float64Array {
  return Float64Array.from({ length: x.length }, (_, i) => x[i] * g[Math.floor(i / inner) % g.length]);
}

function gradientOracle(x: Numbers, dy: Numbers, inner: number, period: number): Float64Array {
  const dg = new Float64Array(period);
  for (let i = 0; i < x.length; i++) dg[Math.floor(i / inner) % period] += x[i] * dy[i];
  return dg;
}

const shapes: [outer: number, period: number, inner: number, benchOnly?: boolean][] = [
  [1, 1, 1],
  [1, 1, 4099],
  [3, 7, 5],
  [2, 12, 8],
  [65, 16, 1],
  [129, 17, 1],
  [4, 3, 1028],
  [1576, 3, 64, true],
  [1576, 768, 1, true],
];

const label = (outer: number, period: number, inner: number) => `${outer}x${period}x${inner}`;

const forwardCases: KernelCase[] = shapes.map(([outer, period, inner, benchOnly]) => {
  const length = outer * period * inner;
  return {
    name: `gate ${label(outer, period, inner)}`,
    inputs: () => ({ x: normals(length, 1), g: normals(period, 2) }),
    outputs: { y: { length } },
    run: (gpu, { x, g, y }, storage) => gate(gpu, { x, g, y }, { length, inner, period }, { storage }),
    float16: ["x", "y"],
    oracle: ({ x, g }) => ({ y: forward(x, g, inner) }),
    tolerance: elementwise,
    flops: length,
    bytes: 8 * length,
    benchOnly,
  };
});

const gradientCases: KernelCase[] = shapes.map(([outer, period, inner, benchOnly]) => {
  const length = outer * period * inner;
  return {
    name: `gateGradient ${label(outer, period, inner)}`,
    inputs: () => ({ x: normals(length, 3), dy: normals(length, 4) }),
    outputs: { dg: { length: period } },
    run: (gpu, { x, dy, dg }) => gateGradient(gpu, { x, dy, dg }, { length, inner, period }),
    oracle: ({ x, dy }) => ({ dg: gradientOracle(x, dy, inner, period) }),
    tolerance: sumOf(outer * inner),
    flops: 2 * length,
    bytes: 8 * length,
    benchOnly,
  };
});

export const cases = [...forwardCases, ...gradientCases];

const x = normals(24, 5);
const dy = normals(24, 6);
export const gradients: GradientCase[] = [
  {
    name: "gate by g",
    f: (g) => dot(forward(x, g, 2), dy),
    at: normals(3, 7),
    gradient: () => gradientOracle(x, dy, 2, 3),
  },
];

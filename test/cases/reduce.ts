import { type ReduceSize, type Reduction, reduce, reduceGrad } from "../../src/kernels/reduce.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

function forward(kind: Reduction, x: Numbers, { outer, length, inner }: ReduceSize): Float64Array {
  const y = new Float64Array(length).fill(kind === "max" ? Number.NEGATIVE_INFINITY : 0);
  for (let i = 0; i < x.length; i++) {
    const j = Math.floor(i / inner) % length;
    y[j] = kind === "max" ? Math.max(y[j], x[i]) : y[j] + (kind === "l2" ? x[i] * x[i] : x[i]);
  }
  if (kind === "mean") return y.map((value) => value / (outer * inner));
  return kind === "l2" ? y.map(Math.sqrt) : y;
}

function backward(kind: "sum" | "mean", dy: Numbers, { outer, length, inner }: ReduceSize): Float64Array {
  const scale = kind === "mean" ? 1 / (outer * inner) : 1;
  return Float64Array.from({ length: outer * length * inner }, (_, i) => scale * dy[Math.floor(i / inner) % length]);
}

const shapes: [outer: number, length: number, inner: number, benchOnly?: boolean][] = [
  [1, 1, 1],
  [1, 5, 13], // rows
  [1, 3, 4100],
  [13, 5, 1], // columns
  [64, 4, 1],
  [65, 63, 1],
  [4097, 2, 1],
  [6, 3, 16], // heads
  [67, 3, 5],
  [1, 1, 1023], // the whole
  [1, 1, 1025],
  [1, 1, 1_050_628],
  [1, 524_297, 2], // more than 65,535 workgroups
];

const benchShapes: typeof shapes = [
  [1, 1, 1 << 22, true],
  [1576, 768, 1, true],
  [1, 1576, 768, true],
];

const kinds: Reduction[] = ["sum", "mean", "max", "l2"];

const forwardCases: KernelCase[] = kinds.flatMap((kind) =>
  (kind === "sum" ? [...shapes, ...benchShapes] : shapes).map(([outer, length, inner, benchOnly]) => {
    const size = { outer, length, inner };
    const count = outer * length * inner;
    return {
      name: `reduce ${kind} ${outer}x${length}x${inner}`,
      inputs: () => ({ x: normals(count, count) }),
      outputs: { y: { length } },
      run: (gpu, { x, y }) => reduce(gpu, kind, { x, y }, size),
      oracle: ({ x }) => ({ y: forward(kind, x, size) }),
      tolerance: sumOf(outer * inner),
      flops: count,
      bytes: 4 * count,
      benchOnly,
    } satisfies KernelCase;
  }),
);

const gradientCases: KernelCase[] = (["sum", "mean"] as const).flatMap((kind) =>
  [
    { outer: 1, length: 1, inner: 1 },
    { outer: 3, length: 5, inner: 7 },
    { outer: 64, length: 4, inner: 1 },
  ].map((size) => ({
    name: `reduceGrad ${kind} ${size.outer}x${size.length}x${size.inner}`,
    inputs: () => ({ dy: normals(size.length, 1) }),
    outputs: { dx: { length: size.outer * size.length * size.inner } },
    run: (gpu, { dy, dx }) => reduceGrad(gpu, kind, { dy, dx }, size),
    oracle: ({ dy }) => ({ dx: backward(kind, dy, size) }),
    tolerance: sumOf(1),
    bytes: 4 * size.outer * size.length * size.inner,
  })),
);

export const cases = [...forwardCases, ...gradientCases];

const size = { outer: 2, length: 3, inner: 4 };
const at = normals(24, 3);
const dy = normals(3, 4);
export const gradients: GradientCase[] = (["sum", "mean"] as const).map((kind) => ({
  name: kind,
  f: (x) => dot(forward(kind, x, size), dy),
  at,
  gradient: () => backward(kind, dy, size),
}));

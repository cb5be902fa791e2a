import { map } from "../../src/kernels/map.js";
import { elementwise } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

/** y = |w| * n with n broadcast by (i / inner) % period: Wanda's score, and how other statistics meet weights. */
const shapes: [length: number, inner: number, period: number, benchOnly?: boolean][] = [
  [1, 1, 1],
  [1021, 1, 1021],
  [1024, 1, 1024],
  [35 * 36, 1, 36], // a value a column
  [35 * 37, 1, 37],
  [35 * 36, 36, 35], // a value a row
  [36 * 37, 37, 36],
  [2 * 3 * 8 * 10, 10, 3],
  [2 * 3 * 8 * 10, 80, 3], // heads of stacked matrices
  [4096, 1, 1],
  [768 * 3072, 1, 768, true],
];

const broadcast: KernelCase[] = shapes.map(([length, inner, period, benchOnly]) => {
  return {
    name: `map abs(w) * n ${length} inner ${inner} period ${period}`,
    inputs: () => ({ w: normals(length, length), n: normals(period, inner) }),
    outputs: { y: { length } },
    run: (gpu, { w, n, y }) =>
      map(gpu, "abs(w) * n", { w: { buffer: w }, n: { buffer: n, inner, period } }, { y, length }),
    oracle: ({ w, n }) => ({ y: Float64Array.from(w, (x, i) => Math.abs(x) * n[Math.floor(i / inner) % period]) }),
    tolerance: elementwise,
    flops: length,
    bytes: 8 * length,
    benchOnly,
  };
});

const branches: KernelCase = {
  name: "map select(0.0, sqrt(a), a > b) + 1.5e-1",
  inputs: () => ({ a: normals(1021, 1), b: normals(1021, 2).map(Math.abs) }),
  outputs: { y: { length: 1021 } },
  run: (gpu, { a, b, y }) =>
    map(gpu, "select(0.0,\n  sqrt(a), a > b) + 1.5e-1", { a: { buffer: a }, b: { buffer: b } }, { y, length: 1021 }),
  oracle: ({ a, b }) => ({ y: Float64Array.from(a, (x, i) => (x > b[i] ? Math.sqrt(x) : 0) + 0.15) }),
  tolerance: elementwise,
};

/** Writing where y is read: the whole of it, and a part at an offset that is no multiple of four. */
const inPlace: KernelCase[] = [
  { length: 1021, offset: 0 },
  { length: 1024, offset: 68 },
  { length: 300, offset: 131 },
].map(({ length, offset }) => {
  const part = (y: ArrayLike<number>, f: (value: number, i: number) => number) =>
    Float64Array.from(y, (value, at) => (at < offset || at >= offset + length ? value : f(value, at - offset)));
  return {
    name: `map in place ${length} at ${offset}`,
    inputs: () => ({ y: normals(offset + length + 3, 1), n: normals(1, 2) }),
    outputs: { y: { length: offset + length + 3 } },
    run: (gpu, { y, n }) =>
      map(gpu, "sqrt(abs(s)) / n", { n: { buffer: n, period: 1 } }, { y, length, offset, inPlace: "s" }),
    oracle: ({ y, n }) => ({ y: part(y, (value) => Math.sqrt(Math.abs(value)) / n[0]) }),
    tolerance: elementwise,
  };
});

const accumulated: KernelCase[] = ([true, "max"] as const).map((accumulate) => ({
  name: `map accumulate ${accumulate}`,
  inputs: () => ({ y: normals(1021, 1), w: normals(1021, 2) }),
  outputs: { y: { length: 1021 } },
  run: (gpu, { y, w }) => map(gpu, "w * w - 1.0", { w: { buffer: w } }, { y, length: 1021, accumulate }),
  oracle: ({ y, w }) => ({
    y: Float64Array.from(y, (value, i) => {
      const term = w[i] * w[i] - 1;
      return accumulate === "max" ? Math.max(value, term) : value + term;
    }),
  }),
  tolerance: elementwise,
}));

export const cases: KernelCase[] = [...broadcast, branches, ...inPlace, ...accumulated];

import { type Activation, activation, activationGrad, geluGradTangent } from "../../src/kernels/activation.js";
import type { Tolerance } from "../harness/close.js";
import { directional } from "../harness/directional.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normalCdf } from "../harness/normal-cdf.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

const forward: Record<Activation, (x: number) => number> = {
  gelu: (x) => x * normalCdf(x),
  relu: (x) => Math.max(x, 0),
};

const slope: Record<Activation, (x: number) => number> = {
  gelu: (x) => normalCdf(x) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI),
  relu: (x) => (x > 0 ? 1 : 0),
};

const each = (x: Numbers, f: (x: number) => number) => Float64Array.from({ length: x.length }, (_, i) => f(x[i]));
const gradientOracle = (kind: Activation, x: Numbers, dy: Numbers) =>
  each(x, slope[kind]).map((value, i) => value * dy[i]);

/** The cdf is good to 3e-7 absolute; gradients multiply it by values of up to 4. */
const tolerance: Tolerance = { atol: 2e-6, rtol: 2e-6 };

const kinds: Activation[] = ["gelu", "relu"];
const lengths: [length: number, benchOnly?: boolean][] = [[1], [7], [256], [1028], [1031], [1576 * 768, true]];

const values = (length: number) => {
  const x = normals(length, length, 3);
  x.set([0, -30, 30, 1e-20].slice(0, length));
  return x;
};

const shapes = kinds.flatMap((kind) => lengths.map(([length, benchOnly]) => ({ kind, length, benchOnly })));

const forwardCases: KernelCase[] = shapes.map(({ kind, length, benchOnly }) => ({
  name: `activation ${kind} ${length}`,
  inputs: () => ({ x: values(length) }),
  outputs: { y: { length } },
  run: (gpu, { x, y }, storage) => activation(gpu, kind, { x, y }, { length }, { storage }),
  float16: ["x", "y"],
  oracle: ({ x }) => ({ y: each(x, forward[kind]) }),
  tolerance,
  bytes: 8 * length,
  benchOnly,
}));

const gradientCases: KernelCase[] = shapes.map(({ kind, length, benchOnly }) => ({
  name: `activationGrad ${kind} ${length}`,
  inputs: () => ({ x: values(length), dy: normals(length, 2) }),
  outputs: { dx: { length } },
  run: (gpu, { x, dy, dx }) => activationGrad(gpu, kind, { x, dy, dx }, { length }),
  oracle: ({ x, dy }) => ({ dx: gradientOracle(kind, x, dy) }),
  tolerance,
  bytes: 12 * length,
  benchOnly,
}));

const tangentCases: KernelCase[] = lengths.map(([length, benchOnly]) => ({
  name: `geluGradTangent ${length}`,
  inputs: () => ({ x: values(length), xTangent: normals(length, 3), dy: normals(length, 2) }),
  outputs: { dx: { length } },
  run: (gpu, { x, xTangent, dy, dx }) => geluGradTangent(gpu, { x, xTangent, dy, dx }, { length }),
  oracle: ({ x, xTangent, dy }) => ({ dx: directional((x) => gradientOracle("gelu", x, dy), [[x, xTangent]]) }),
  tolerance,
  bytes: 16 * length,
  benchOnly,
}));

const SWEEP = 2048;

/** Over the whole range in which GELU is neither 0 nor x, and past its ends, with the error that shaders/shared/gelu.wgsl states and half a digit of x. */
const sweep: KernelCase = {
  name: "activation gelu, sweep",
  inputs: () => ({ x: Float32Array.from({ length: SWEEP }, (_, i) => (i / SWEEP - 0.5) * 18) }),
  outputs: { y: { length: SWEEP } },
  run: (gpu, { x, y }) => activation(gpu, "gelu", { x, y }, { length: SWEEP }),
  oracle: ({ x }) => ({ y: each(x, forward.gelu) }),
  tolerance: { atol: 2.4e-7, rtol: 6e-8 },
};

export const cases = [...forwardCases, sweep, ...gradientCases, ...tangentCases];

const at = normals(20, 3, 2);
const dy = normals(20, 4);
export const gradients: GradientCase[] = kinds.map((kind) => ({
  name: kind,
  f: (x) => dot(each(x, forward[kind]), dy),
  at,
  gradient: () => gradientOracle(kind, at, dy),
}));

import {
  type MatmulOptions,
  type MatmulOrder,
  type MatmulSize,
  type MatmulVariant,
  matmul,
} from "../../src/kernels/matmul.js";
import { sumOf } from "../harness/close.js";
import type { Arrays, KernelCase } from "../harness/kernel-case.js";
import { bit, maskWords, normals, uniforms } from "../harness/random.js";

/** Abramowitz and Stegun 7.1.5 for small z, a continued fraction beyond: erf to float64 accuracy. */
function erf(z: number): number {
  if (Math.abs(z) > 3) {
    let tail = 0;
    for (let i = 60; i > 0; i--) tail = i / 2 / (Math.abs(z) + tail);
    return Math.sign(z) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (Math.abs(z) + tail));
  }
  let term = z;
  let sum = z;
  for (let i = 1; i < 80; i++) {
    term *= (-z * z) / i;
    sum += term / (2 * i + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const activations = {
  none: (x: number) => x,
  relu: (x: number) => Math.max(x, 0),
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
};

function oracle(
  order: MatmulOrder,
  { a, b, mask, bias, gate, residual }: Arrays,
  size: MatmulSize,
  options: MatmulOptions,
) {
  const { m, n, k, batch = 1 } = size;
  const out = new Float64Array(batch * m * n);
  const preactivation = new Float64Array(batch * m * n);
  const kept = (index: number) => (mask ? bit(mask as Uint32Array, index) : 1);
  for (let z = 0; z < batch; z++) {
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = bias?.[column] ?? 0;
        for (let i = 0; i < k; i++) {
          const inA = order === "tn" ? i * m + row : row * k + i;
          const inB = order === "nt" ? column * k + i : i * n + column;
          sum += a[z * m * k + inA] * b[z * k * n + inB] * (order === "tn" ? 1 : kept(inB));
        }
        const element = row * n + column;
        const at = z * m * n + element;
        preactivation[at] = sum;
        const value = activations[options.activation ?? "none"](sum) * (gate?.[column] ?? 1);
        out[at] = (residual?.[at] ?? 0) + value * (order === "tn" ? kept(element) : 1);
      }
    }
  }
  return { out, preactivation };
}

type Extras = "plain" | "masked" | "all zero mask" | "epilogue" | "relu masked";

function makeInputs(order: MatmulOrder, { m, n, k, batch = 1 }: MatmulSize, extras: Extras): Arrays {
  const maskBits = order === "tn" ? m * n : n * k;
  return {
    a: normals(batch * m * k, m + k),
    b: normals(batch * k * n, n + 3 * k, 1 / Math.sqrt(k)),
    ...(extras.endsWith("masked") && { mask: maskWords(maskBits, m * n) }),
    ...(extras === "all zero mask" && { mask: new Uint32Array(Math.ceil(maskBits / 32)) }),
    ...(extras === "epilogue" && { bias: normals(n, 5), gate: uniforms(n, 6), residual: normals(batch * m * n, 7) }),
  };
}

function makeCase(
  order: MatmulOrder,
  size: MatmulSize,
  variant: MatmulVariant | undefined,
  extras: Extras,
  benchOnly?: boolean,
): KernelCase {
  const { m, n, k, batch = 1 } = size;
  const elements = batch * m * n;
  const options: MatmulOptions = {
    variant,
    activation: extras === "epilogue" ? "gelu" : extras === "relu masked" ? "relu" : "none",
  };
  return {
    name: `matmul ${order} ${batch > 1 ? `${batch} x ` : ""}${m}x${n}x${k} ${extras}, ${variant ?? "chosen"} kernel`,
    inputs: () => makeInputs(order, size, extras),
    outputs: { out: { length: elements }, ...(extras === "epilogue" && { preactivation: { length: elements } }) },
    run: (gpu, buffers) => matmul(gpu, order, buffers as never, size, options),
    oracle: (arrays) => oracle(order, arrays, size, options),
    tolerance: sumOf(k),
    flops: 2 * elements * k,
    bytes: 4 * (elements + batch * (m * k + k * n)),
    benchOnly,
  };
}

const orders = ["nn", "nt", "tn"] as const;

/** `undefined` lets the device choose: the lane kernel on the software drivers where the shape allows. */
const variants = [undefined, "tile", "split"] as const;

const shapes: [size: MatmulSize, extras: readonly Extras[]][] = [
  [{ m: 1, n: 1, k: 1 }, ["plain", "masked"]],
  [{ m: 17, n: 31, k: 13 }, ["plain", "epilogue", "masked"]],
  [{ m: 63, n: 65, k: 131 }, ["plain", "masked"]],
  [{ m: 32, n: 64, k: 300, batch: 3 }, ["plain", "epilogue", "masked", "relu masked", "all zero mask"]],
];

/** Rows of whole vec4, around the edges of the lane kernel's 16 x 16 and 32 x 32 tiles. */
const lanesByOrder: Record<MatmulOrder, MatmulSize[]> = {
  nn: [
    { m: 1, n: 4, k: 4 },
    { m: 31, n: 36, k: 20 },
    { m: 33, n: 28, k: 132 },
  ],
  nt: [
    { m: 1, n: 1, k: 4 },
    { m: 33, n: 31, k: 20 },
    { m: 17, n: 37, k: 132 },
  ],
  tn: [
    { m: 4, n: 4, k: 1 },
    { m: 36, n: 28, k: 197 },
    { m: 20, n: 36, k: 131 },
  ],
};

const benchShapes: MatmulSize[] = [
  { m: 512, n: 512, k: 512 },
  { m: 1024, n: 1024, k: 1024 },
  { m: 1576, n: 384, k: 1536 },
  { m: 197, n: 192, k: 576 },
  { m: 1576, n: 192, k: 768 },
];

export const cases: KernelCase[] = [
  ...orders.flatMap((order) =>
    shapes.flatMap(([size, extras]) =>
      extras.flatMap((extra) => variants.map((variant) => makeCase(order, size, variant, extra))),
    ),
  ),
  ...orders.flatMap((order) =>
    lanesByOrder[order].flatMap((size) =>
      (["plain", "epilogue", "masked"] as const).map((extra) => makeCase(order, size, undefined, extra)),
    ),
  ),
  makeCase("nt", { m: 1, n: 1, k: 4, batch: 65_537 }, undefined, "plain"), // more groups than one dimension holds
  ...orders.flatMap((order) => benchShapes.map((size) => makeCase(order, size, undefined, "plain", true))),
];

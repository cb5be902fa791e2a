import {
  type MatmulOptions,
  type MatmulOrder,
  type MatmulSize,
  type MatmulVariant,
  matmul,
} from "../../src/kernels/matmul.js";
import { TILE_NAMES } from "../../src/kernels/matmul-tile.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
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

/** The normal distribution's cdf and pdf make the slope of GELU. */
const slopes = {
  none: () => 1,
  relu: (x: number) => (x > 0 ? 1 : 0),
  gelu: (x: number) => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
};

const activations = {
  none: (x: number) => x,
  relu: (x: number) => Math.max(x, 0),
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
};

const pathScore = (g: number, w: number) => w ** 2 * Math.abs(g);

/** A term that is not zero where the gradient is, with a function of scalars only. */
const SUMMED = "select(g * w, w - g, g < 0.25)";
const summed = (g: number, w: number) => (g < 0.25 ? w - g : g * w);

function oracle(
  order: MatmulOrder,
  { a, b, mask, bias, gate, residual, scored, activated, out: before }: Arrays,
  size: MatmulSize,
  { weightAs, activation, gateFirst, accumulate }: MatmulOptions,
) {
  const { m, n, k, batch = 1 } = size;
  const out = new Float64Array(batch * m * n);
  const preactivation = new Float64Array(batch * m * n);
  const kept = (index: number) => (mask ? bit(mask as Uint32Array, index) : 1);
  const weight = (at: number) => (weightAs === "one" ? 1 : weightAs === "square" ? b[at] ** 2 : b[at]);
  for (let z = 0; z < batch; z++) {
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          const inA = order === "tn" ? i * m + row : row * k + i;
          const inB = order === "nt" ? column * k + i : i * n + column;
          sum += a[z * m * k + inA] * weight(z * k * n + inB) * (order === "tn" ? 1 : kept(inB));
        }
        const element = row * n + column;
        const at = z * m * n + element;
        const slope = activated ? slopes[activation ?? "none"](activated[at]) : 1;
        const keep = order === "tn" ? kept(element) : 1;
        const term = accumulate ? summed : pathScore;
        const factor = gate?.[column] ?? 1;
        const biased = (scored ? term(sum * keep, scored[at]) : slope * sum) + (bias?.[column] ?? 0);
        const given = gateFirst ? factor * biased : biased;
        preactivation[at] = activated ? sum : given;
        const value = activations[(!activated && activation) || "none"](given) * (gateFirst ? 1 : factor);
        out[at] = (before?.[at] ?? 0) + (residual?.[at] ?? 0) + value * (scored ? 1 : keep);
      }
    }
  }
  return { out, preactivation };
}

/** What a case has besides the product, in words: parts of the epilogue, a mask, what b counts as, and path scores. */
type Extras =
  | "plain"
  | "masked"
  | "masked blocks"
  | "all zero mask"
  | "epilogue"
  | "masked epilogue"
  | "relu masked"
  | "square"
  | "masked square"
  | "masked one"
  | "one"
  | "one epilogue"
  | "gelu slope"
  | "masked relu slope"
  | "gelu gated slope"
  | "masked relu gated slope"
  | "gelu gated first"
  | "masked relu gated first"
  | "scored"
  | "masked scored"
  | "summed"
  | "masked summed";

const weightAsOf = (extras: Extras) =>
  extras.includes("square") ? "square" : /\bone\b/.test(extras) ? "one" : undefined;

/** An operand whose elements count as ones is absent without a mask, and nothing but NaN with one. */
function makeB(length: number, k: number, extras: Extras): Arrays {
  if (extras.startsWith("one")) return {};
  const power = extras.includes("square") ? -1 / 4 : -1 / 2;
  const b = normals(length, length + 2 * k, k ** power);
  return { b: extras === "masked one" ? b.fill(Number.NaN) : b };
}

/** One in four blocks of 32 x 32 elements is kept, the others are empty; past 1,024 rows or columns others than before. */
function quarterOfBlocks(bits: number, columns: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(bits / 32));
  for (let i = 0; i < bits; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const block = 7 * Math.floor(row / 32) + 3 * Math.floor(column / 32);
    if ((block + Math.floor(row / 1024) + Math.floor(column / 1024)) % 4 === 0) words[i >> 5] |= 1 << (i & 31);
  }
  return words;
}

function makeInputs(order: MatmulOrder, { m, n, k, batch = 1 }: MatmulSize, extras: Extras): Arrays {
  const maskBits = order === "tn" ? m * n : n * k;
  return {
    a: normals(batch * m * k, m + k),
    ...makeB(batch * k * n, k, extras),
    ...(extras.includes("masked") && { mask: maskWords(maskBits, m * n) }),
    ...(extras === "masked blocks" && { mask: quarterOfBlocks(maskBits, order === "nt" ? k : n) }),
    ...(extras === "all zero mask" && { mask: new Uint32Array(Math.ceil(maskBits / 32)) }),
    ...(extras.endsWith("epilogue") && {
      ...{ bias: normals(n, 5), gate: uniforms(n, 6), residual: normals(batch * m * n, 7) },
    }),
    ...(extras.includes("gated") && { gate: normals(n, 11), bias: normals(n, 12) }),
    ...(extras.endsWith("slope") && { activated: normals(batch * m * n, 9) }),
    ...(/(scored|summed)$/.test(extras) && { scored: normals(batch * m * n, 8) }),
    ...(extras.endsWith("summed") && { out: normals(batch * m * n, 10) }),
  };
}

/** Those that are tested in f16 too: what layers need in inference, and one of each other order. */
const inFloat16 = (order: MatmulOrder, extras: Extras) =>
  extras === "plain" ||
  (order === "nt" && ["masked", "epilogue", "one epilogue", "masked square", "gelu gated first"].includes(extras));

function makeCase(
  order: MatmulOrder,
  size: MatmulSize,
  variant: MatmulVariant | undefined,
  extras: Extras,
  benchOnly?: boolean,
  logits = false,
): KernelCase {
  const { m, n, k, batch = 1 } = size;
  const ofResult = logits ? [] : ["out", "preactivation", "residual"];
  const elements = batch * m * n;
  const weightAs = weightAsOf(extras);
  const options: MatmulOptions = {
    variant,
    weightAs,
    activation: /epilogue|gelu/.test(extras) ? "gelu" : extras.includes("relu") ? "relu" : "none",
    ...(extras.endsWith("first") && { gateFirst: true }),
    ...(extras.endsWith("summed") && { term: SUMMED, accumulate: true }),
  };
  const sums = weightAs === "one" && !extras.includes("masked") ? batch * m : elements;
  return {
    name: `matmul ${order} ${batch > 1 ? `${batch} x ` : ""}${m}x${n}x${k} ${extras}, ${variant ?? "chosen"} kernel`,
    inputs: () => makeInputs(order, size, extras),
    outputs: {
      out: { length: elements },
      ...(/epilogue$|gated/.test(extras) && { preactivation: { length: elements } }),
    },
    run: (gpu, buffers, storage) =>
      matmul(gpu, order, buffers as never, size, { storage, ...(logits && { resultStorage: "f32" }), ...options }),
    float16: inFloat16(order, extras) ? [...ofResult, "a", "b"] : undefined,
    oracle: (arrays) => oracle(order, arrays, size, options),
    // A score is a square of up to 16 times the sum.
    tolerance: sumOf(k, /(scored|summed)$/.test(extras) ? 16 : 1),
    flops: 2 * sums * k,
    bytes: 4 * (elements + batch * (m * k + (weightAs === "one" ? 0 : k * n))),
    benchOnly,
  };
}

const orders = ["nn", "nt", "tn"] as const;

const family = TILE_NAMES.flatMap((name) => [`tile ${name}`, `split ${name}`] as const);

/**
 * `undefined` lets the device choose: the lane kernel on the software drivers where the shape allows. SECATEUR_MATMUL=every adds each member of the
 * family of tiles: hundreds of kernels, which software drivers compile for long.
 */
const variants = [
  ...([undefined, "tile", "split"] as const),
  ...(globalThis.process?.env.SECATEUR_MATMUL === "every" ? family : []),
];

/** What is for operands that are weights, and for gradients of weights. */
const ofWeight: readonly Extras[] = ["square", "masked square", "masked one", "one", "one epilogue"];
const weightExtras: Record<MatmulOrder, readonly Extras[]> = {
  ...{ nn: ofWeight, nt: ofWeight },
  tn: ["scored", "masked scored", "summed", "masked summed"],
};

/** Forced, "one" shows that tiles agree with the kernel for sums of rows. */
const chosenOnly: readonly Extras[] = ["square", "one epilogue"];

const shapes: [size: MatmulSize, extras: readonly Extras[]][] = [
  [{ m: 1, n: 1, k: 1 }, ["plain", "masked"]],
  [{ m: 17, n: 31, k: 13 }, ["plain", "epilogue", "masked"]],
  [{ m: 63, n: 65, k: 131 }, ["plain", "masked", "masked blocks"]],
  [
    { m: 32, n: 64, k: 300, batch: 3 },
    [
      ...(["plain", "epilogue", "masked", "relu masked", "gelu slope", "masked relu slope", "all zero mask"] as const),
      ...(["gelu gated slope", "masked relu gated slope", "gelu gated first", "masked relu gated first"] as const),
    ],
  ],
];

/** Around the edges of the lane kernel's 16 x 16 and 32 x 32 tiles and of a mask's blocks; rows of whole vec4, and others. */
const lanesByOrder: Record<MatmulOrder, MatmulSize[]> = {
  nn: [
    { m: 1, n: 4, k: 4 },
    { m: 31, n: 36, k: 20 },
    { m: 33, n: 28, k: 132 },
    { m: 33, n: 31, k: 49 },
  ],
  nt: [
    { m: 1, n: 1, k: 4 },
    { m: 33, n: 31, k: 20 },
    { m: 17, n: 37, k: 132 },
    { m: 33, n: 34, k: 49 },
  ],
  tn: [
    { m: 4, n: 4, k: 1 },
    { m: 36, n: 28, k: 197 },
    { m: 20, n: 36, k: 131 },
    { m: 35, n: 34, k: 20 },
  ],
};

const tallExtras: Record<MatmulOrder, readonly Extras[]> = {
  ...{ nn: ["epilogue", "masked", "masked blocks"], nt: ["epilogue", "masked", "masked blocks"] },
  tn: ["epilogue", "masked blocks", "masked scored", "masked summed"],
};

/** Empty strips are among the masked blocks. */
const turnExtras: Record<MatmulOrder, readonly Extras[]> = {
  nn: ["gelu slope", "gelu gated slope", "masked epilogue", "masked blocks"],
  nt: ["epilogue", "gelu gated first", "masked blocks"],
  tn: ["plain", "masked epilogue", "masked blocks", "summed"],
};

const rowShapes: MatmulSize[] = [
  { m: 1, n: 63, k: 131 },
  { m: 1, n: 65, k: 256 },
  { m: 1, n: 32, k: 68, batch: 3 },
];

const outerShapes: MatmulSize[] = [
  { m: 7, n: 13, k: 1 },
  { m: 65, n: 36, k: 1 },
  { m: 8, n: 12, k: 1, batch: 3 },
];

/** Past the edge of the largest tile with rows of whole vec4, and ragged with a long enough sum to split: each member in two of the orders. */
const familyCases: KernelCase[] = TILE_NAMES.flatMap((name, i) => [
  makeCase(orders[i % 3], { m: 132, n: 140, k: 36, batch: 2 }, `tile ${name}`, "masked epilogue"),
  makeCase(orders[(i + 1) % 3], { m: 33, n: 67, k: 301 }, `split ${name}`, "masked"),
]);

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
      [...extras, ...weightExtras[order]].flatMap((extra) =>
        (chosenOnly.includes(extra) ? [undefined] : variants).map((variant) => makeCase(order, size, variant, extra)),
      ),
    ),
  ),
  ...orders.flatMap((order) =>
    lanesByOrder[order].flatMap((size) =>
      (["plain", "epilogue", "masked", ...weightExtras[order]] as const).map((extra) =>
        makeCase(order, size, undefined, extra),
      ),
    ),
  ),
  ...(["nn", "nt"] as const).flatMap((order) =>
    rowShapes.flatMap((size) =>
      (
        ["plain", "epilogue", "gelu gated slope", "gelu gated first", "masked", "relu masked", ...ofWeight] as const
      ).map((extra) => makeCase(order, size, undefined, extra)),
    ),
  ),
  ...outerShapes.flatMap((size) =>
    (["plain", "masked", "scored", "masked scored", "summed", "masked summed", "epilogue"] as const).map((extra) =>
      makeCase("tn", size, undefined, extra),
    ),
  ),
  ...familyCases,
  // Tall tiles of the lane kernel: all of their squares, of which a mask leaves some out, and a last one of few rows.
  ...orders.flatMap((order) =>
    [
      { m: 300, n: 100, k: 132 },
      { m: 301, n: 99, k: 131 },
    ].flatMap((size) => tallExtras[order].map((extra) => makeCase(order, size, undefined, extra))),
  ),
  // Operands of tn where b is the smaller one, so that the lane kernel turns it (as above), and where a is.
  ...[
    { m: 300, n: 304, k: 132 },
    { m: 301, n: 303, k: 131 },
    { m: 203, n: 3, k: 131 },
    { m: 130, n: 1, k: 5 },
  ].flatMap((size) =>
    (["plain", "gelu gated first", ...tallExtras.tn] as const).map((extra) => makeCase("tn", size, undefined, extra)),
  ),
  // Results that are written transposed, with what is given to the activation beside a mask.
  ...[
    { m: 304, n: 100, k: 20 },
    { m: 301, n: 99, k: 19, batch: 2 },
  ].map((size) => makeCase("tn", size, undefined, "masked epilogue")),
  // All of k in one turn of four spans and of two, and just more than that: subgroups of eight, then of four.
  ...orders.flatMap((order) =>
    [127, 128, 129, 63, 64, 65, 32, 33].flatMap((k, i) =>
      turnExtras[order].map((extra) => makeCase(order, { m: 70, n: 99 + (i % 2), k, batch: 2 }, undefined, extra)),
    ),
  ),
  // A strip of which a mask keeps fewer squares than a tile takes, and more.
  ...[300, 1300].flatMap((side) => [
    makeCase("tn", { m: side, n: 20, k: 70, batch: 2 }, undefined, "masked blocks"),
    makeCase("tn", { m: side, n: side + 4, k: 8 }, undefined, "masked blocks"),
    makeCase("tn", { m: side + 4, n: side, k: 8 }, undefined, "masked blocks"),
  ]),
  // Three spans that a mask keeps, in a turn of four.
  ...(["nn", "nt"] as const).map((order) => makeCase(order, { m: 5, n: 36, k: 380 }, undefined, "masked blocks")),
  // More blocks of a mask along k than a word has bits.
  ...(["nn", "nt"] as const).flatMap((order) =>
    ([undefined, "tile", "split"] as const).map((variant) =>
      makeCase(order, { m: 5, n: 36, k: 1100 }, variant, "masked blocks"),
    ),
  ),
  // As many, in each of two chunks of k.
  makeCase("nt", { m: 1, n: 1, k: 2200, batch: 128 }, "split 32x32x8/4x4", "masked blocks"),
  // Tiles of out of which nothing is kept.
  makeCase("tn", { m: 100, n: 140, k: 36 }, "tile 32x32x8/4x4", "masked blocks"),
  ...(["tile", undefined] as const).map((variant) =>
    makeCase("nt", { m: 3, n: 10, k: 36 }, variant, "epilogue", false, true),
  ),
  // More groups than one dimension holds.
  makeCase("nt", { m: 1, n: 1, k: 4, batch: 65_537 }, undefined, "plain"),
  makeCase("nt", { m: 8 * 65_536 + 1, n: 2, k: 1 }, undefined, "one"),
  ...orders.flatMap((order) => benchShapes.map((size) => makeCase(order, size, undefined, "plain", true))),
  ...orders.flatMap((order) =>
    (["masked", "masked blocks", ...weightExtras[order].filter((extra) => extra !== "one epilogue")] as const).flatMap(
      (extra) => [benchShapes[0], benchShapes[4]].map((size) => makeCase(order, size, undefined, extra, true)),
    ),
  ),
  makeCase("nt", { m: 1, n: 300, k: 784 }, undefined, "masked square", true),
  makeCase("nn", { m: 1, n: 784, k: 300 }, undefined, "masked square", true),
  makeCase("tn", { m: 300, n: 784, k: 1 }, undefined, "masked scored", true),
];

const size = { m: 3, n: 5, k: 4 };
const a = normals(12, 1);
const weight = normals(20, 2);
const dy = normals(15, 3);
const product = (
  order: MatmulOrder,
  arrays: Readonly<Record<string, ArrayLike<number>>>,
  extents: MatmulSize,
  options = {},
) => oracle(order, arrays as Arrays, extents, options).out;
const dWeight = () => product("tn", { a: dy, b: a }, { m: 5, n: 4, k: 3 });
const ofSquares: MatmulOptions = { weightAs: "square" };
export const gradients: GradientCase[] = [
  { name: "nt by b", f: (v) => dot(product("nt", { a, b: v }, size), dy), at: weight, gradient: dWeight },
  {
    name: "nt by a, whose b counts as its square",
    f: (v) => dot(product("nt", { a: v, b: weight }, size, ofSquares), dy),
    at: a,
    gradient: () => product("nn", { a: dy, b: weight }, { m: 3, n: 4, k: 5 }, ofSquares),
  },
  {
    // By the chain rule; the gradient by the squares is what path scores are made of.
    name: "nt by b, which counts as its square",
    f: (v) => dot(product("nt", { a, b: v }, size, ofSquares), dy),
    at: weight,
    gradient: () => dWeight().map((g, i) => 2 * weight[i] * g),
  },
];

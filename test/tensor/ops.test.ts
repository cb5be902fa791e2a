/**
 * Every differentiable operation: the gradient that the tape gives, along a random direction, against central differences of the operation
 * itself in f32. The kernels' own accuracy is checked against float64 in test/kernels; this finds wiring that is wrong.
 */
import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  activation,
  add,
  applyBits,
  assembleTokens,
  attention,
  backward,
  ColumnMap,
  concatRows,
  crossAttention,
  crossEntropy,
  dropout,
  embedding,
  gate,
  hessianVectorProduct,
  keepTokens,
  klDivergence,
  l2,
  layerNorm,
  linear,
  map,
  matmul,
  max,
  mean,
  meanTokens,
  patchify,
  reshape,
  softmax,
  sum,
  Tensor,
  takeToken,
  takeTokens,
} from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { maskWords, normals, uniforms } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

type Build = (tensors: Tensor[]) => Tensor;

interface Wiring {
  readonly name: string;
  /** Shapes of the inputs whose gradients are checked. */
  readonly shapes: number[][];
  readonly build: Build;
}

const bits = (length: number) => Tensor.from(gpu, maskWords(length, 5, 0.6));
const draws = () => Tensor.from(gpu, Uint32Array.of(3, 9));

const wirings: Wiring[] = [
  { name: "linear", shapes: [[2, 3, 5], [4, 5], [4]], build: ([x, weight, bias]) => linear({ x, weight, bias }, {}) },
  {
    name: "masked linear",
    shapes: [[6, 5], [7, 5], [7]],
    build: ([x, weight, bias]) => linear({ x, weight, bias }, { mask: bits(35) }),
  },
  {
    name: "linear without bias",
    shapes: [
      [6, 5],
      [7, 5],
    ],
    build: ([x, weight]) => linear({ x, weight, bias: undefined }, {}),
  },
  {
    name: "matmul",
    shapes: [
      [2, 3, 4],
      [2, 4, 5],
    ],
    build: ([a, b]) => matmul(a, b),
  },
  { name: "gelu", shapes: [[3, 17]], build: ([x]) => activation(x, "gelu") },
  { name: "relu", shapes: [[3, 17]], build: ([x]) => activation(x, "relu") },
  {
    name: "add",
    shapes: [
      [4, 5],
      [4, 5],
    ],
    build: ([a, b]) => add(a, b),
  },
  { name: "one tensor used three times", shapes: [[4, 5]], build: ([a]) => add(add(a, a), activation(a, "gelu")) },
  { name: "reshape", shapes: [[4, 6]], build: ([x]) => softmax(reshape(x, [3, 8])) },
  {
    name: "concatRows",
    shapes: [
      [2, 5],
      [3, 5],
    ],
    build: ([a, b]) => softmax(concatRows(a, b)),
  },
  {
    name: "layerNorm",
    shapes: [[5, 13], [13], [13]],
    build: ([x, weight, bias]) => layerNorm({ x, weight, bias }, { epsilon: 1e-6 }),
  },
  {
    name: "columns of layerNorm",
    shapes: [[5, 13], [13], [13]],
    build: ([x, weight, bias]) =>
      layerNorm({ x, weight, bias }, { epsilon: 1e-6, columns: new ColumnMap(gpu, [0, 3, 4, 7, 10, 12], 13) }),
  },
  { name: "softmax", shapes: [[4, 9]], build: ([x]) => softmax(x) },
  { name: "attention", shapes: [[2, 7, 3 * 2 * 5]], build: ([qkv]) => attention(qkv, { heads: 2 }) },
  {
    name: "attention with key gates",
    shapes: [[2, 7, 3 * 2 * 5], [7]],
    build: ([qkv, keyGate]) => attention(qkv, { heads: 2 }, map("1.0 + 0.1 * g", { g: keyGate }, { g: "0.1" })),
  },
  {
    name: "attention with head gates",
    shapes: [[2, 7, 3 * 2 * 5], [2]],
    build: ([qkv, headGate]) => attention(qkv, { heads: 2 }, undefined, headGate),
  },
  {
    name: "causal attention",
    shapes: [[2, 7, 3 * 2 * 5]],
    build: ([qkv]) => attention(qkv, { heads: 2, causal: true }),
  },
  {
    name: "crossAttention",
    shapes: [
      [2, 3, 2 * 5],
      [2, 7, 2 * 2 * 5],
    ],
    build: ([q, kv]) => crossAttention(q, kv, { heads: 2 }),
  },
  {
    name: "embedding",
    shapes: [[5, 3]],
    build: ([table]) => softmax(embedding(table, Tensor.from(gpu, Uint32Array.of(4, 0, 4, 2), [2, 2]))),
  },
  { name: "patchify", shapes: [[2, 3, 8, 4]], build: ([images]) => softmax(patchify(images, 4)) },
  {
    name: "assembleTokens",
    shapes: [
      [2, 3, 4],
      [1, 4],
      [4, 4],
    ],
    build: ([patches, prefix, position]) => softmax(assembleTokens({ patches, prefix, position }, undefined)),
  },
  {
    name: "assembleTokens without prefix",
    shapes: [
      [2, 3, 4],
      [3, 4],
    ],
    build: ([patches, position]) => softmax(assembleTokens({ patches, prefix: undefined, position }, undefined)),
  },
  { name: "takeToken", shapes: [[2, 5, 4]], build: ([x]) => takeToken(x, 2) },
  {
    name: "takeTokens",
    shapes: [[2, 6, 4]],
    build: ([x]) => {
      const attention = Tensor.from(gpu, uniforms(12, 3), [2, 6]);
      return softmax(takeTokens(x, keepTokens(attention, { prefixTokens: 1, kept: 3 })));
    },
  },
  { name: "meanTokens", shapes: [[2, 5, 4]], build: ([x]) => meanTokens(x, 1) },
  { name: "sum of columns", shapes: [[6, 5]], build: ([x]) => sum(x, { outer: 6, length: 5, inner: 1 }) },
  { name: "mean", shapes: [[6, 5]], build: ([x]) => mean(x) },
  // Five rows: the sixth of these random ones has a near tie, a kink within the step.
  { name: "max of rows", shapes: [[5, 5]], build: ([x]) => max(x, { outer: 1, length: 5, inner: 5 }) },
  { name: "l2 of columns", shapes: [[6, 5]], build: ([x]) => l2(x, { outer: 6, length: 5, inner: 1 }) },
  {
    name: "map",
    shapes: [[4, 6], [3]],
    build: ([w, n]) =>
      map("w * w * exp(n)", { w, n: { tensor: n, inner: 2 } }, { w: "2.0 * w * exp(n)", n: "w * w * exp(n)" }),
  },
  {
    name: "crossEntropy",
    shapes: [[3, 6]],
    build: ([logits]) =>
      crossEntropy({ logits, labels: Tensor.from(gpu, Uint32Array.of(1, 5, 0)) }, { smoothing: 0.1 }),
  },
  {
    name: "klDivergence",
    shapes: [[3, 6]],
    build: ([logits]) =>
      klDivergence({ logits, teacher: Tensor.from(gpu, normals(18, 7), [3, 6]) }, { temperature: 2 }),
  },
  { name: "gate by column", shapes: [[4, 6], [6]], build: ([x, g]) => gate(x, g, 1) },
  { name: "gate by head", shapes: [[4, 6], [3]], build: ([x, g]) => gate(x, g, 2) },
  { name: "gate of everything", shapes: [[4, 6], [1]], build: ([x, g]) => gate(x, g, 1) },
  { name: "applyBits", shapes: [[37]], build: ([x]) => applyBits(x, bits(37)) },
  {
    name: "dropout",
    shapes: [[8, 16]],
    build: ([x]) => dropout(x, { keep: 0.7, inner: 1, state: draws(), stream: 1 }),
  },
];

/** sum(out * r) for fixed random r, in float64 on the host. */
async function project(build: Build, values: Float32Array[], shapes: number[][], r: Float32Array): Promise<number> {
  const out = await build(values.map((data, index) => Tensor.from(gpu, data, shapes[index]))).read();
  return out.reduce((total, value, index) => total + value * r[index], 0);
}

for (const { name, shapes, build } of wirings) {
  test(`${name}: gradients follow the function`, async () => {
    const values = shapes.map((shape, index) =>
      normals(
        shape.reduce((a, b) => a * b),
        index + 11,
      ),
    );
    const leaves = values.map((data, index) => {
      const leaf = Tensor.from(gpu, data, shapes[index]);
      leaf.requiresGradient = true;
      return leaf;
    });
    const out = build(leaves);
    const r = normals(out.size, 77);
    const gradients = backward(out, Tensor.from(gpu, r, out.shape));
    for (const [index, leaf] of leaves.entries()) {
      const gradient = await gradients.get(leaf)!.read();
      const direction = normals(leaf.size, 99 + index);
      const step = 5e-3;
      const moved = (sign: number) =>
        values.map((data, at) => (at === index ? data.map((value, i) => value + sign * step * direction[i]) : data));
      const slope =
        ((await project(build, moved(1), shapes, r)) - (await project(build, moved(-1), shapes, r))) / (2 * step);
      const along = gradient.reduce((total, value, i) => total + value * direction[i], 0);
      const norm = Math.hypot(...gradient) * Math.hypot(...direction);
      expect(Math.abs(along - slope), `input ${index}: tape ${along}, central difference ${slope}`).toBeLessThan(
        2e-3 * norm + 2e-3,
      );
      expect(norm).toBeGreaterThan(0);
    }
  });
}

test("a closed key gate is attention without that token", async () => {
  const tokens = [0, 1, 3, 4]; // token 2 is closed
  const qkv = normals(5 * 12, 3, 1.5);
  const rows = tokens.flatMap((token) => [...qkv.slice(token * 12, token * 12 + 12)]);
  const all = Tensor.from(gpu, qkv, [1, 5, 12]);
  const gated = await attention(all, { heads: 2 }, Tensor.from(gpu, Float32Array.of(1, 1, 0, 1, 1))).read();
  const cut = await attention(Tensor.from(gpu, Float32Array.from(rows), [1, 4, 12]), { heads: 2 }).read();
  for (const [at, token] of tokens.entries()) {
    for (let d = 0; d < 4; d++) expect(gated[token * 4 + d]).toBeCloseTo(cut[at * 4 + d], 5);
  }
});

test("causal attention sees nothing that comes after", async () => {
  const qkv = normals(5 * 12, 3, 1.5);
  const moved = qkv.map((value, i) => (i >= 3 * 12 ? value + 1 : value)); // tokens 3 and 4
  const of = async (values: Float32Array) => [
    ...(await attention(Tensor.from(gpu, values, [1, 5, 12]), { heads: 2, causal: true }).read()),
  ];
  const [before, after] = [await of(qkv), await of(moved)];
  expect(after.slice(0, 12)).toEqual(before.slice(0, 12));
  expect(after.slice(12)).not.toEqual(before.slice(12));
});

test("causal attention has no second derivatives, and says so", () => {
  const qkv = Tensor.from(gpu, normals(5 * 12, 3), [1, 5, 12]);
  qkv.requiresGradient = true;
  const loss = sum(attention(qkv, { heads: 2, causal: true }));
  expect(() => hessianVectorProduct(loss, new Map([[qkv, qkv.detach()]]))).toThrow(/got causal order/);
});

test("a tensor that asks for no gradient gets none, and costs none", async () => {
  const x = Tensor.from(gpu, normals(12, 1), [3, 4]);
  const weight = Tensor.from(gpu, normals(8, 2), [2, 4]);
  weight.requiresGradient = true;
  const out = linear({ x, weight, bias: undefined }, {});
  const before = gpu.counters.dispatches;
  const gradients = backward(mean(out));
  expect(gradients.get(x)).toBeUndefined();
  expect(gradients.get(weight)!.shape).toEqual([2, 4]);
  expect(() => backward(mean(x))).toThrow(/expected a result that depends on a tensor with requiresGradient/);
  expect(() => backward(out)).toThrow(/expected a scalar, got \[3,2\]/);
  expect(gpu.counters.dispatches).toBeGreaterThan(before);
});

test("two passes give the same bits", async () => {
  const run = async () => {
    const x = Tensor.from(gpu, normals(64 * 48, 1), [64, 48]);
    const weight = Tensor.from(gpu, normals(32 * 48, 2), [32, 48]);
    x.requiresGradient = true;
    weight.requiresGradient = true;
    const gradients = backward(mean(activation(linear({ x, weight, bias: undefined }, {}), "gelu")));
    return [await gradients.get(x)!.read(), await gradients.get(weight)!.read()];
  };
  expect(await run()).toEqual(await run());
});

test("elements that share the largest value share its gradient", async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 3, 3, 2));
  x.requiresGradient = true;
  expect([...(await backward(max(x)).get(x)!.read())]).toEqual([0, 0.5, 0.5, 0]);
});

test("a map without the derivative that is wanted says which", () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 3));
  x.requiresGradient = true;
  expect(() => backward(sum(map("x * x", { x })))).toThrow(/map: expected a derivative by x, .*pass derivatives.x/);
});

test("backward gives intermediate gradients back", async () => {
  using _scope = gpu.scope();
  const x = Tensor.from(gpu, normals(100 * 100, 1), [100, 100]);
  x.requiresGradient = true;
  const chain = Array.from({ length: 20 }).reduce<Tensor>((value) => activation(value, "gelu"), x);
  const before = gpu.memory.inUse;
  backward(sum(chain));
  expect(gpu.memory.inUse - before).toBeLessThan(3 * 65_536);
});

test("wrong shapes are named", () => {
  const a = Tensor.from(gpu, normals(6, 1), [2, 3]);
  const b = Tensor.from(gpu, normals(8, 1), [2, 4]);
  expect(() => linear({ x: a, weight: b, bias: undefined }, {})).toThrow(
    /linear: expected x \[\.\.\., in\] and weight \[out, in\], got x \[2,3\]/,
  );
  expect(() => add(a, b)).toThrow(/add: expected equal shapes, got \[2,3\] and \[2,4\]/);
  expect(() => reshape(a, [4])).toThrow(/reshape: expected a shape of 6 elements/);
  expect(() => Tensor.from(gpu, new Float32Array(3), [2])).toThrow(/expected 2 values, got 3/);
});

test("columns of a layer norm are those of its rows", () => {
  const [x, weight, bias] = [[2, 4], [4], [4]].map((shape) => Tensor.zeros(gpu, shape));
  const columns = new ColumnMap(gpu, [0, 2], 5);
  expect(() => layerNorm({ x, weight, bias }, { epsilon: 1e-6, columns })).toThrow("layerNorm: expected columns of 4");
});

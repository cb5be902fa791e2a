/** Hessian-vector products through every operation, against double backward in float64. */
import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  activation,
  add,
  applyBits,
  assembleTokens,
  attention,
  ColumnMap,
  concatRows,
  crossEntropy,
  dropout,
  gate,
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
} from "../../src/tensor/index.js";
import * as oracle from "../harness/double-backward.js";
import { constant, gather, multiply, scatter, type Variable } from "../harness/double-backward.js";
import * as layers from "../harness/float64-layers.js";
import { contract, exp, indices, power, scale, spread } from "../harness/float64-layers.js";
import { sharedGpu } from "../harness/gpu.js";
import { hessianErrors } from "../harness/hessian.js";
import { drawUniform } from "../harness/philox.js";
import { bit, maskWords, normals } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

interface Operation {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly build: (leaves: Tensor[]) => Tensor;
  readonly oracle: (leaves: Variable[]) => Variable;
}

const words = (length: number) => maskWords(length, 5, 0.6);
const bits = (length: number) => Tensor.from(gpu, words(length));
const keep = (length: number) => constant(Array.from({ length }, (_, i) => bit(words(length), i)));
const state = Uint32Array.of(3, 9);
const dropped = Array.from({ length: 128 }, (_, i) => (drawUniform(i, 1, state) < 0.7 ? 1 / 0.7 : 0));
const SOME_COLUMNS = [0, 3, 4, 7, 10, 12];
const someColumns = () => new ColumnMap(gpu, SOME_COLUMNS, 13);
const packed = { batch: 2, tokens: 7, heads: 2, headDim: 5 };
/** Sums of x: [outer, length, inner] to `length`. */
const sums = (x: Variable, outer: number, length: number, inner: number) =>
  scatter(
    x,
    indices([outer, length, inner], (_, j) => j),
    length,
  );

const operations: Operation[] = [
  {
    name: "linear",
    shapes: [[2, 3, 5], [4, 5], [4]],
    build: ([x, weight, bias]) => linear({ x, weight, bias }, {}),
    oracle: ([x, weight, bias]) => layers.linear(x, weight, bias, 5),
  },
  {
    name: "masked linear",
    shapes: [[6, 5], [7, 5], [7]],
    build: ([x, weight, bias]) => linear({ x, weight, bias }, { mask: bits(35) }),
    oracle: ([x, weight, bias]) => layers.linear(x, multiply(weight, keep(35)), bias, 5),
  },
  {
    // The variable is then the weight as it takes part, masked in value only.
    name: "masked linear with a dense gradient",
    shapes: [
      [6, 5],
      [7, 5],
    ],
    build: ([x, weight]) => linear({ x, weight, bias: undefined }, { mask: bits(35), denseGradient: true }),
    oracle: ([x, weight]) => {
      const removed = constant(weight.values.map((value, i) => -value * (1 - keep(35).values[i])));
      return layers.linear(x, oracle.add(weight, removed), undefined, 5);
    },
  },
  {
    name: "linear without bias",
    shapes: [
      [6, 5],
      [7, 5],
    ],
    build: ([x, weight]) => linear({ x, weight, bias: undefined }, {}),
    oracle: ([x, weight]) => layers.linear(x, weight, undefined, 5),
  },
  {
    name: "matmul",
    shapes: [
      [2, 3, 4],
      [2, 4, 5],
    ],
    build: ([a, b]) => matmul(a, b),
    oracle: ([a, b]) =>
      contract(
        [2, 3, 5, 4],
        [a, (z, m, _, k) => (z * 3 + m) * 4 + k],
        [b, (z, _, n, k) => (z * 4 + k) * 5 + n],
        [30, (z, m, n) => (z * 3 + m) * 5 + n],
      ),
  },
  {
    name: "gelu",
    shapes: [[3, 17]],
    build: ([x]) => activation(x, "gelu"),
    oracle: ([x]) => layers.gelu(x),
  },
  {
    name: "relu",
    shapes: [[3, 17]],
    build: ([x]) => activation(x, "relu"),
    oracle: ([x]) => layers.relu(x),
  },
  {
    name: "add",
    shapes: [
      [4, 5],
      [4, 5],
    ],
    build: ([a, b]) => add(a, b),
    oracle: ([a, b]) => oracle.add(a, b),
  },
  {
    name: "one tensor used three times",
    shapes: [[4, 5]],
    build: ([a]) => add(add(a, a), activation(a, "gelu")),
    oracle: ([a]) => oracle.add(oracle.add(a, a), layers.gelu(a)),
  },
  {
    name: "reshape",
    shapes: [[4, 6]],
    build: ([x]) => softmax(reshape(x, [3, 8])),
    oracle: ([x]) => layers.softmax(x, 8),
  },
  {
    name: "concatRows",
    shapes: [
      [2, 5],
      [3, 5],
    ],
    build: ([a, b]) => concatRows(a, b),
    oracle: ([a, b]) => {
      const at = (length: number, from: number) => Array.from({ length }, (_, i) => from + i);
      return oracle.add(scatter(a, at(10, 0), 25), scatter(b, at(15, 10), 25));
    },
  },
  {
    name: "layerNorm",
    shapes: [[5, 13], [13], [13]],
    build: ([x, weight, bias]) => layerNorm({ x, weight, bias }, { epsilon: 1e-6 }),
    oracle: ([x, weight, bias]) => layers.layerNorm(x, weight, bias, 1e-6),
  },
  {
    name: "columns of layerNorm",
    shapes: [[5, 13], [13], [13]],
    build: ([x, weight, bias]) => layerNorm({ x, weight, bias }, { epsilon: 1e-6, columns: someColumns() }),
    oracle: ([x, weight, bias]) =>
      gather(
        layers.layerNorm(x, weight, bias, 1e-6),
        indices([5, 6], (row, column) => row * 13 + SOME_COLUMNS[column]),
      ),
  },
  { name: "softmax", shapes: [[4, 9]], build: ([x]) => softmax(x), oracle: ([x]) => layers.softmax(x, 9) },
  {
    name: "attention",
    shapes: [[2, 7, 30]],
    build: ([qkv]) => attention(qkv, { heads: 2 }),
    oracle: ([qkv]) => layers.attention(qkv, packed),
  },
  {
    name: "attention with key gates",
    shapes: [[2, 7, 30], [7]],
    build: ([qkv, gates]) => attention(qkv, { heads: 2 }, map("1.0 + 0.1 * g", { g: gates }, { g: "0.1" })),
    oracle: ([qkv, gates]) => layers.attention(qkv, packed, oracle.add(scale(gates, 0.1), constant(Array(7).fill(1)))),
  },
  {
    name: "patchify",
    shapes: [[2, 3, 8, 4]],
    build: ([images]) => patchify(images, 4),
    oracle: ([images]) =>
      gather(
        images,
        indices([2, 2, 3, 4, 4], (b, t, c, y, x) => ((b * 3 + c) * 8 + t * 4 + y) * 4 + x),
      ),
  },
  {
    name: "assembleTokens",
    shapes: [
      [2, 3, 4],
      [1, 4],
      [4, 4],
    ],
    build: ([patches, prefix, position]) => assembleTokens({ patches, prefix, position }, undefined),
    oracle: ([patches, prefix, position]) => {
      const classes = [0, 16].flatMap((from) => [0, 1, 2, 3].map((c) => from + c));
      const rest = indices([2, 3, 4], (b, t, c) => (b * 4 + t + 1) * 4 + c);
      const tokens = oracle.add(scatter(spread(prefix, 8, 1), classes, 32), scatter(patches, rest, 32));
      return oracle.add(tokens, spread(position, 32, 1));
    },
  },
  {
    name: "takeToken",
    shapes: [[2, 5, 4]],
    build: ([x]) => takeToken(x, 2),
    oracle: ([x]) =>
      gather(
        x,
        indices([2, 4], (b, c) => (b * 5 + 2) * 4 + c),
      ),
  },
  {
    name: "meanTokens",
    shapes: [[2, 5, 4]],
    build: ([x]) => meanTokens(x, 1),
    oracle: ([x]) => {
      const late = gather(
        x,
        indices([2, 4, 4], (b, t, c) => (b * 5 + t + 1) * 4 + c),
      );
      return scale(
        scatter(
          late,
          indices([2, 4, 4], (b, _, c) => b * 4 + c),
          8,
        ),
        1 / 4,
      );
    },
  },
  {
    name: "sum of columns",
    shapes: [[6, 5]],
    build: ([x]) => sum(x, { outer: 6, length: 5, inner: 1 }),
    oracle: ([x]) => sums(x, 6, 5, 1),
  },
  { name: "mean", shapes: [[6, 5]], build: ([x]) => mean(x), oracle: ([x]) => scale(sums(x, 1, 1, 30), 1 / 30) },
  {
    name: "max of rows",
    shapes: [[5, 5]],
    build: ([x]) => max(x, { outer: 1, length: 5, inner: 5 }),
    oracle: ([x]) => {
      const row = (r: number) => [...x.values.slice(r * 5, r * 5 + 5)];
      return gather(
        x,
        [0, 1, 2, 3, 4].map((r) => r * 5 + row(r).indexOf(Math.max(...row(r)))),
      );
    },
  },
  {
    name: "l2 of columns",
    shapes: [[6, 5]],
    build: ([x]) => l2(x, { outer: 6, length: 5, inner: 1 }),
    oracle: ([x]) => power(sums(power(x, 2), 6, 5, 1), 0.5),
  },
  {
    name: "map",
    shapes: [[4, 6], [3]],
    build: ([w, n]) =>
      map(
        "w * w * exp(n)",
        { w, n: { tensor: n, inner: 2 } },
        { w: "2.0 * w * exp(n)", n: "w * w * exp(n)" },
        { w: { w: "2.0 * exp(n)", n: "2.0 * w * exp(n)" }, n: { w: "2.0 * w * exp(n)", n: "w * w * exp(n)" } },
      ),
    oracle: ([w, n]) => multiply(power(w, 2), spread(exp(n), 24, 2)),
  },
  {
    name: "map of two factors",
    shapes: [
      [4, 6],
      [4, 6],
    ],
    build: ([a, b]) => map("a * b", { a, b }, { a: "b", b: "a" }, { a: { b: "1.0" }, b: { a: "1.0" } }),
    oracle: ([a, b]) => multiply(a, b),
  },
  ...[0, 0.1].map((smoothing) => ({
    name: `crossEntropy with smoothing ${smoothing}`,
    shapes: [[3, 6]],
    build: ([logits]: Tensor[]) =>
      crossEntropy({ logits, labels: Tensor.from(gpu, Uint32Array.of(1, 5, 0)) }, { smoothing }),
    oracle: ([logits]: Variable[]) => layers.crossEntropy(logits, [1, 5, 0], smoothing),
  })),
  {
    name: "gate by column",
    shapes: [[4, 6], [6]],
    build: ([x, g]) => gate(x, g, 1),
    oracle: ([x, g]) => multiply(x, spread(g, 24, 1)),
  },
  {
    name: "gate by head",
    shapes: [[4, 6], [3]],
    build: ([x, g]) => gate(x, g, 2),
    oracle: ([x, g]) => multiply(x, spread(g, 24, 2)),
  },
  {
    name: "applyBits",
    shapes: [[37]],
    build: ([x]) => applyBits(x, bits(37)),
    oracle: ([x]) => multiply(x, keep(37)),
  },
  {
    name: "dropout",
    shapes: [[8, 16]],
    build: ([x]) => dropout(x, { keep: 0.7, inner: 1, state: Tensor.from(gpu, state), stream: 1 }),
    oracle: ([x]) => multiply(x, constant(dropped)),
  },
];

for (const { name, shapes, build, oracle } of operations) {
  test(`${name}: Hessian-vector products follow double backward`, async () => {
    const values = shapes.map((shape, index) =>
      normals(
        shape.reduce((a, b) => a * b),
        index + 11,
      ),
    );
    // sum(c * y^2): a gradient that moves with y, for an operation y whose own gradient moves with its inputs.
    const factors = normals(build(values.map((data, index) => Tensor.from(gpu, data, shapes[index]))).size, 77);
    const loss = (leaves: Tensor[]) => {
      const y = build(leaves);
      return sum(gate(gate(y, reshape(y, [y.size]), 1), Tensor.from(gpu, factors), 1));
    };
    const twice = {
      shapes,
      loss,
      oracle: (leaves: Variable[]) => multiply(power(oracle(leaves), 2), constant(factors)),
    };
    const directions = values.map((data, index) => normals(data.length, 99 + index));
    const alone = directions.map((_, moving) => directions.map((v, index) => (index === moving ? v : undefined)));
    for (const moving of alone.length > 1 ? [directions, ...alone] : [directions]) {
      for (const [leaf, error] of (await hessianErrors(gpu, twice, values, moving)).entries()) {
        const which = `leaf ${leaf}, moving ${moving.map((v) => v !== undefined)}`;
        expect(error.gradient, `gradient of ${which}`).toBeLessThan(2e-6);
        expect(error.product, `product of ${which}`).toBeLessThan(2e-6);
      }
    }
  });
}

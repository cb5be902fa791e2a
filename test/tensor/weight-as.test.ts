/** Weights that count as their squares or as ones, and path scores, on the tape: against the same operation on a weight that holds these values. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  add,
  backward,
  conv2d,
  hessianVectorProduct,
  type LinearAttributes,
  linear,
  sum,
  Tensor,
} from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { bit, maskWords, normals } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

interface Operation {
  readonly name: string;
  readonly x: number[];
  readonly weight: number[];
  readonly build: (x: Tensor, weight: Tensor, bias: Tensor, attributes: LinearAttributes) => Tensor;
}

const operations: Operation[] = [
  {
    name: "linear",
    ...{ x: [3, 5, 8], weight: [7, 8] },
    build: (x, weight, bias, attributes) => linear({ x, weight, bias }, attributes),
  },
  {
    name: "conv2d",
    ...{ x: [2, 6, 5, 6], weight: [7, 6, 3, 2] },
    build: (x, weight, bias, attributes) => conv2d({ x, weight, bias }, { ...attributes, stride: 2, padding: 1 }),
  },
];

const PATH_SCORE = "w * w * abs(g)";

const sizeOf = (shape: number[]) => shape.reduce((a, b) => a * b);

/** The result and the gradients by x and weight of sum(y * r) for a fixed random r. */
async function run({ x, weight, build }: Operation, values: Float32Array, attributes: LinearAttributes, term?: string) {
  const input = Tensor.from(gpu, normals(sizeOf(x), 1), x);
  const parameter = Tensor.from(gpu, values, weight);
  input.requiresGradient = true;
  parameter.requiresGradient = true;
  const out = build(input, parameter, Tensor.from(gpu, normals(weight[0], 3)), attributes);
  const total = Tensor.zeros(gpu, weight);
  const sums = term === undefined ? undefined : new Map([[parameter, { term, weight: parameter, total }]]);
  const gradients = backward(out, Tensor.from(gpu, normals(out.size, 4), out.shape), sums);
  if (term !== undefined) expect(gradients.get(parameter)).toBeUndefined();
  const byWeight = term === undefined ? gradients.get(parameter) : total;
  return {
    out: await out.read(),
    byX: await gradients.get(input)!.read(),
    byWeight: byWeight && (await byWeight.read()),
  };
}

function expectClose(got: Float32Array, want: ArrayLike<number>) {
  expect(got.length).toBe(want.length);
  const norm = Math.hypot(...Array.from(want));
  expect(Math.hypot(...got.map((value, i) => value - want[i])) / norm).toBeLessThan(1e-6);
  expect(norm).toBeGreaterThan(0);
}

describe.each(operations)("$name", (operation) => {
  const length = sizeOf(operation.weight);
  const weight = normals(length, 2);
  const words = maskWords(length, 5, 0.6);
  const masks = { dense: () => ({}), masked: () => ({ mask: Tensor.from(gpu, words) }) };

  test.each(Object.entries(masks))(
    "%s weights as squares: gradients by the squares, and their path scores",
    async (_, mask) => {
      const want = await run(
        operation,
        weight.map((w) => w * w),
        mask(),
      );
      const square = await run(operation, weight, { ...mask(), weightAs: "square" });
      expectClose(square.out, want.out);
      expectClose(square.byX, want.byX);
      expectClose(square.byWeight!, want.byWeight!);
      const scored = await run(operation, weight, { ...mask(), weightAs: "square" }, PATH_SCORE);
      expectClose(
        scored.byWeight!,
        want.byWeight!.map((g, i) => weight[i] ** 2 * Math.abs(g)),
      );
    },
  );

  test.each(Object.entries(masks))(
    "%s weights as ones: the weight is not read and gets no gradient",
    async (_, mask) => {
      const want = await run(operation, new Float32Array(length).fill(1), mask());
      const one = await run(operation, new Float32Array(length).fill(Number.NaN), { ...mask(), weightAs: "one" });
      expectClose(one.out, want.out);
      expectClose(one.byX, want.byX);
      expect(one.byWeight).toBeUndefined();
    },
  );

  test("removed weights have path scores too where the gradient is dense", async () => {
    const attributes = { ...masks.masked(), weightAs: "square", denseGradient: true } as const;
    const { byWeight } = await run(operation, weight, attributes, PATH_SCORE);
    const kept = await run(operation, weight, { ...attributes, denseGradient: false }, PATH_SCORE);
    byWeight!.forEach((score, i) => {
      expect(score).toBeGreaterThan(0);
      expect(kept.byWeight![i]).toBe(bit(words, i) ? score : 0);
    });
  });

  test("the term of a weight with two uses is taken of the sum of its gradients", async () => {
    const shape = operation.weight;
    const [parameter, total] = [Tensor.from(gpu, weight, shape), Tensor.from(gpu, normals(length, 8), shape)];
    parameter.requiresGradient = true;
    const x = Tensor.from(gpu, normals(sizeOf(operation.x), 1), operation.x);
    const use = () => operation.build(x, parameter, Tensor.zeros(gpu, [shape[0]]), {});
    const loss = () => sum(add(use(), use()));
    const gradient = await backward(loss()).get(parameter)!.read();
    backward(loss(), undefined, new Map([[parameter, { term: "abs(g) * w", weight: parameter, total }]]));
    expectClose(
      await total.read(),
      normals(length, 8).map((before, i) => before + Math.abs(gradient[i]) * weight[i]),
    );
  });

  test("what has no meaning is refused", async () => {
    const parameter = Tensor.from(gpu, weight, operation.weight);
    parameter.requiresGradient = true;
    const x = Tensor.from(gpu, normals(sizeOf(operation.x), 1), operation.x);
    const loss = () =>
      sum(operation.build(x, parameter, Tensor.zeros(gpu, [operation.weight[0]]), { weightAs: "square" }));
    const moved = new Map([[parameter, Tensor.from(gpu, weight, operation.weight)]]);
    expect(() => hessianVectorProduct(loss(), moved)).toThrow(
      /second derivatives: expected a weight that counts as itself/,
    );
  });
});

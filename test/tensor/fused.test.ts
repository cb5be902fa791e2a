/** Layers with an activation function or a sum in their product are what the separate operations are. */
import { beforeAll, expect, test } from "vitest";
import { ShapeError } from "../../src/errors.js";
import type { Gpu } from "../../src/gpu/index.js";
import { runsLanes } from "../../src/kernels/lanes.js";
import {
  activatedLinear,
  activation,
  add,
  backward,
  cast,
  hessianVectorProduct,
  type LinearAttributes,
  linear,
  mean,
  Tensor,
  withoutHistory,
} from "../../src/tensor/index.js";
import { requireFeature, sharedGpu } from "../harness/gpu.js";
import { maskWords, normals } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const SHAPES = { x: [3, 8], w1: [12, 8], b1: [12], w2: [8, 12], b2: [8] } as const;
type Name = keyof typeof SHAPES;
type Leaves = Readonly<Record<Name, Tensor>>;

const tensorsOf = (seed: number): Leaves =>
  Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape], index) => {
      const length = shape.reduce((a: number, b: number) => a * b, 1);
      return [name, Tensor.from(gpu, normals(length, seed + index), shape)];
    }),
  ) as Leaves;

/** Of the two layers. */
type Attributes = readonly [LinearAttributes, LinearAttributes];

const separate = ({ x, w1, b1, w2, b2 }: Leaves, kind: "gelu" | "relu", [first, second]: Attributes) => {
  const hidden = activation(linear({ x, weight: w1, bias: b1 }, first), kind);
  return add(x, linear({ x: hidden, weight: w2, bias: b2 }, second));
};

const fused = ({ x, w1, b1, w2, b2 }: Leaves, kind: "gelu" | "relu", [first, second]: Attributes) => {
  const hidden = activatedLinear({ x, weight: w1, bias: b1 }, first, kind);
  return linear({ x: hidden, weight: w2, bias: b2, residual: x }, second);
};

const masks = (): Attributes => [
  { mask: Tensor.from(gpu, maskWords(96, 1)) },
  { mask: Tensor.from(gpu, maskWords(96, 2)) },
];

const attributes = {
  "no masks": (): Attributes => [{}, {}],
  masks,
  "masks and dense gradients": () => masks().map((each) => ({ ...each, denseGradient: true })) as unknown as Attributes,
};

const cases = (["gelu", "relu"] as const).flatMap((kind) =>
  Object.entries(attributes).map(([name, make]) => ({ kind, name, make })),
);

test.each(cases)("values, gradients and Hessian-vector products with $kind, $name", async ({ kind, make }) => {
  using _scope = gpu.scope();
  const leaves = tensorsOf(1);
  for (const leaf of Object.values(leaves)) leaf.requiresGradient = true;
  const directions = new Map(Object.entries(tensorsOf(20)).map(([name, d]) => [leaves[name as Name], d]));
  const ofLayers = make();
  const results = [separate, fused].map((branch) => {
    const y = branch(leaves, kind, ofLayers);
    const loss = mean(activation(y, "gelu"));
    return { y, gradients: backward(loss), second: hessianVectorProduct(loss, directions) };
  });
  const [expected, got] = results;
  const close = async (a: Tensor, b: Tensor, what: string) => {
    const [left, right] = [await a.read(), await b.read()];
    left.forEach((value, i) => {
      expect(Math.abs(value - right[i]), `${what} ${i}`).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    });
  };
  await close(expected.y, got.y, "y");
  for (const [name, leaf] of Object.entries(leaves)) {
    await close(expected.gradients.get(leaf)!, got.gradients.get(leaf)!, `gradient of ${name}`);
    await close(expected.second.gradients.get(leaf)!, got.second.gradients.get(leaf)!, `second sweep's ${name}`);
    await close(expected.second.products.get(leaf)!, got.second.products.get(leaf)!, `product of ${name}`);
  }
});

test("a dispatch a product: neither function nor sum nor slope has one of its own", () => {
  using _scope = gpu.scope();
  const leaves = tensorsOf(2);
  for (const leaf of Object.values(leaves)) leaf.requiresGradient = true;
  const upstream = Tensor.from(gpu, normals(24, 8), [3, 8]);
  const dispatches = <T>(run: () => T): [T, number] => {
    const before = gpu.counters.dispatches;
    const result = run();
    return [result, gpu.counters.dispatches - before];
  };
  const [y, forward] = dispatches(() => fused(leaves, "gelu", [{}, {}]));
  expect(forward).toBe(2);
  expect(dispatches(() => separate(leaves, "gelu", [{}, {}]))[1]).toBe(4);
  // Four products, two sums for biases, and the two gradients of x. Lane kernels turn the first operand of each weight's gradient.
  expect(dispatches(() => backward(y, upstream))[1]).toBe(runsLanes(gpu) ? 9 : 7);
});

test("f16 as the separate operations, which round twice as often", async (context) => {
  requireFeature(gpu, "shader-f16", context);
  using _scope = gpu.scope();
  const { x, w1, w2, ...biases } = tensorsOf(4);
  const leaves = { ...biases, x: cast(x, "f16"), w1: cast(w1, "f16"), w2: cast(w2, "f16") };
  const [expected, got] = await Promise.all(
    [separate, fused].map((branch) => withoutHistory(() => branch(leaves, "gelu", masks())).read()),
  );
  expected.forEach((value, i) => {
    expect(Math.abs(value - got[i])).toBeLessThan(4e-3 * Math.max(1, Math.abs(value)));
  });
});

test("operands that do not fit are refused before anything is allocated", () => {
  using _scope = gpu.scope();
  const { x, w2, b1 } = tensorsOf(6);
  const before = gpu.memory.inUse;
  expect(() => activatedLinear({ x, weight: w2, bias: undefined }, {}, "gelu")).toThrow(ShapeError);
  expect(() => activatedLinear({ x, weight: b1, bias: undefined }, {}, "gelu")).toThrow(ShapeError);
  expect(gpu.memory.inUse).toBe(before);
});

test("tangents of a residual and a bias alone", async () => {
  using _scope = gpu.scope();
  const { x, w2, b2 } = tensorsOf(3);
  const input = Tensor.from(gpu, normals(36, 9), [3, 12]);
  for (const leaf of [x, b2]) leaf.requiresGradient = true;
  const loss = (y: Tensor) => mean(activation(y, "gelu"));
  const directions = new Map(
    [x, b2].map((leaf, seed) => [leaf, Tensor.from(gpu, normals(leaf.size, seed), leaf.shape)]),
  );
  const weight = { weight: w2, bias: b2 };
  const [expected, got] = [
    hessianVectorProduct(loss(add(x, linear({ x: input, ...weight }, {}))), directions).products,
    hessianVectorProduct(loss(linear({ x: input, ...weight, residual: x }, {})), directions).products,
  ];
  for (const leaf of [x, b2]) {
    const [left, right] = [await expected.get(leaf)!.read(), await got.get(leaf)!.read()];
    left.forEach((value, i) => {
      expect(value).toBeCloseTo(right[i], 6);
    });
  }
});

test("a slope is taken along only where nothing else reads the function's result", async () => {
  using _scope = gpu.scope();
  const { x, w1, b1, w2 } = tensorsOf(5);
  x.requiresGradient = true;
  const twice = (hidden: Tensor) => {
    const a = linear({ x: hidden, weight: w2, bias: undefined }, {});
    return mean(add(a, linear({ x: activation(hidden, "relu"), weight: w2, bias: undefined }, {})));
  };
  const [expected, got] = [
    activation(linear({ x, weight: w1, bias: b1 }, {}), "gelu"),
    activatedLinear({ x, weight: w1, bias: b1 }, {}, "gelu"),
  ].map((hidden) => backward(twice(hidden)).get(x)!);
  const [left, right] = [await expected.read(), await got.read()];
  left.forEach((value, i) => {
    expect(value).toBeCloseTo(right[i], 6);
  });
});

test("without gradients what the function is given is not kept, and one product is all", async () => {
  using _scope = gpu.scope();
  const { x, w1, b1 } = tensorsOf(7);
  const before = gpu.counters.dispatches;
  const y = withoutHistory(() => activatedLinear({ x, weight: w1, bias: b1 }, {}, "gelu"));
  expect(gpu.counters.dispatches - before).toBe(1);
  expect(y.node).toBeUndefined();
  const [left, right] = [await activation(linear({ x, weight: w1, bias: b1 }, {}), "gelu").read(), await y.read()];
  left.forEach((value, i) => {
    expect(value).toBeCloseTo(right[i], 6);
  });
});

/** Layers with gates in their product are what the separate operations are. */
import { beforeAll, describe, expect, test } from "vitest";
import { ShapeError } from "../../src/errors.js";
import type { Gpu } from "../../src/gpu/index.js";
import { runsLanes } from "../../src/kernels/lanes.js";
import {
  activatedLinear,
  activation,
  add,
  backward,
  cast,
  gate,
  gatedLinear,
  hessianVectorProduct,
  type LinearAttributes,
  linear,
  mean,
  spreadUnits,
  sum,
  Tensor,
  withoutHistory,
} from "../../src/tensor/index.js";
import { requireFeature, sharedGpu } from "../harness/gpu.js";
import { maskWords, normals } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const SHAPES = {
  x: [3, 8],
  w1: [12, 8],
  b1: [12],
  w2: [8, 12],
  b2: [8],
  before: [12],
  after: [12],
  last: [8],
} as const;
type Name = keyof typeof SHAPES;
type Leaves = Readonly<Record<Name, Tensor>>;
const GATES: readonly Name[] = ["before", "after", "last"];

/** Gates take either sign; the first two are zero and one. */
function valuesOf(name: Name, length: number, seed: number): Float32Array {
  const values = normals(length, seed);
  if (GATES.includes(name)) values.set([0, 1]);
  return values;
}

const tensorsOf = (seed: number): Leaves =>
  Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape], index) => {
      const length = shape.reduce((a: number, b: number) => a * b, 1);
      return [name, Tensor.from(gpu, valuesOf(name as Name, length, seed + index), shape)];
    }),
  ) as Leaves;

type Kind = "gelu" | "relu";
type Sites = readonly Name[];
const at = (leaves: Leaves, sites: Sites, name: Name) => (sites.includes(name) ? leaves[name] : undefined);

function separate(leaves: Leaves, kind: Kind, sites: Sites, attributes: LinearAttributes): Tensor {
  const { x, w1, b1, w2, b2 } = leaves;
  const gated = (y: Tensor, name: Name) => (sites.includes(name) ? gate(y, leaves[name], 1) : y);
  const given = gated(linear({ x, weight: w1, bias: b1 }, attributes), "before");
  const hidden = gated(activation(given, kind), "after");
  return add(x, gated(linear({ x: hidden, weight: w2, bias: b2 }, attributes), "last"));
}

function fused(leaves: Leaves, kind: Kind, sites: Sites, attributes: LinearAttributes): Tensor {
  const { x, w1, b1, w2, b2 } = leaves;
  const [before, after, last] = GATES.map((name) => at(leaves, sites, name));
  const hidden = activatedLinear({ x, weight: w1, bias: b1 }, attributes, kind, { before, after });
  return gatedLinear({ x: hidden, weight: w2, bias: b2, residual: x }, attributes, last);
}

async function expectClose(want: Tensor, got: Tensor, what: string, tolerance = 1e-5): Promise<void> {
  const [left, right] = [await want.read(), await got.read()];
  left.forEach((value, i) => {
    expect(Math.abs(value - right[i]), `${what} ${i}`).toBeLessThan(tolerance * Math.max(1, Math.abs(value)));
  });
}

const places: readonly Sites[] = [["before"], ["after"], ["last"], ["before", "after"], GATES];
const asking = {
  "weights and gates": () => true,
  weights: (name: Name) => !GATES.includes(name),
  gates: (name: Name) => GATES.includes(name),
};

describe.each(Object.entries(asking))("where %s ask for gradients", (_, asks) => {
  test.each(places.flatMap((sites) => (["gelu", "relu"] as const).map((kind) => ({ sites, kind }))))(
    "$sites around $kind: values, gradients and Hessian-vector products",
    async ({ sites, kind }) => {
      using _scope = gpu.scope();
      const leaves = tensorsOf(1);
      for (const [name, leaf] of Object.entries(leaves)) leaf.requiresGradient = asks(name as Name);
      const taking = (Object.keys(leaves) as Name[]).filter(
        (name) => asks(name) && (!GATES.includes(name) || sites.includes(name)),
      );
      const moves = tensorsOf(20);
      const directions = new Map(taking.map((name) => [leaves[name], moves[name]]));
      const mask = { mask: Tensor.from(gpu, maskWords(96, 1)) };
      const [want, got] = [separate, fused].map((branch) => {
        const y = branch(leaves, kind, sites, mask);
        const loss = mean(activation(y, "gelu"));
        return { y, gradients: backward(loss), second: hessianVectorProduct(loss, directions) };
      });
      await expectClose(want.y, got.y, "y");
      for (const name of taking) {
        const leaf = leaves[name];
        await expectClose(want.gradients.get(leaf)!, got.gradients.get(leaf)!, `gradient of ${name}`);
        await expectClose(want.second.gradients.get(leaf)!, got.second.gradients.get(leaf)!, `second sweep's ${name}`);
        await expectClose(want.second.products.get(leaf)!, got.second.products.get(leaf)!, `product of ${name}`);
      }
    },
  );
});

const dispatches = <T>(run: () => T): [T, number] => {
  const before = gpu.counters.dispatches;
  const result = run();
  return [result, gpu.counters.dispatches - before];
};

test.each(places)("without gradients one product a layer, and a pass for a second gate: %s %s", (...sites) => {
  using _scope = gpu.scope();
  const passes = sites.includes("before") && sites.includes("after") ? 1 : 0;
  const [y, count] = dispatches(() => withoutHistory(() => fused(tensorsOf(2), "gelu", sites, {})));
  expect(count).toBe(2 + passes);
  expect(y.node).toBeUndefined();
});

test("factors before a layer are taken along by the product of its input's gradient, as is their own gradient", () => {
  using _scope = gpu.scope();
  const leaves = tensorsOf(2);
  for (const [name, leaf] of Object.entries(leaves)) leaf.requiresGradient = !GATES.includes(name as Name);
  const upstream = Tensor.from(gpu, normals(24, 8), [3, 8]);
  const passes = () => {
    const counts = (["before", "after", "last"] as const).map((site) => {
      const y = fused(leaves, "gelu", [site], {});
      return dispatches(() => backward(y, upstream))[1];
    });
    const ungated = fused(leaves, "gelu", [], {});
    const plain = dispatches(() => backward(ungated, upstream))[1];
    expect(plain).toBe(runsLanes(gpu) ? 9 : 7);
    return counts.map((count) => count - plain);
  };
  expect(passes()).toEqual([1, 0, 1]);
  for (const name of GATES) leaves[name].requiresGradient = true;
  const [before, after, last] = passes();
  // The gradient of a gate is a sum over rows of one dispatch here.
  expect([before, after, last]).toEqual([2, 1, 2]);
});

test("gradients are the same where another operation reads the gated result too", async () => {
  using _scope = gpu.scope();
  const { x, w1, b1, w2, after } = tensorsOf(5);
  for (const leaf of [x, after]) leaf.requiresGradient = true;
  const [want, got] = [
    gate(activation(linear({ x, weight: w1, bias: b1 }, {}), "gelu"), after, 1),
    activatedLinear({ x, weight: w1, bias: b1 }, {}, "gelu", { after }),
  ].map((hidden) => {
    const again = linear({ x: hidden, weight: w2, bias: undefined }, {});
    return backward(add(sum(again), sum(hidden)));
  });
  for (const leaf of [x, after]) await expectClose(want.get(leaf)!, got.get(leaf)!, "gradient");
});

test("factors of a layer's input, with no function before them, are taken along too", async () => {
  using _scope = gpu.scope();
  const { x, w1, last } = tensorsOf(6);
  const zeros = Tensor.zeros(gpu, [3, 8]);
  for (const leaf of [x, w1, last]) leaf.requiresGradient = true;
  const upstream = Tensor.from(gpu, normals(36, 8), [3, 12]);
  // Adding zeros keeps the factors away from the layer.
  const [[want, apart], [got, together]] = [(y: Tensor) => add(y, zeros), (y: Tensor) => y].map((between) => {
    const y = linear({ x: between(gate(add(x, zeros), last, 1)), weight: w1, bias: undefined }, {});
    return dispatches(() => backward(y, upstream));
  });
  for (const leaf of [x, w1, last]) await expectClose(want.get(leaf)!, got.get(leaf)!, "gradient");
  expect(together).toBe(apart - 1);
});

test("f16 as the separate operations, which round more often", async (context) => {
  requireFeature(gpu, "shader-f16", context);
  using _scope = gpu.scope();
  const { x, w1, w2, ...others } = tensorsOf(4);
  const leaves = { ...others, x: cast(x, "f16"), w1: cast(w1, "f16"), w2: cast(w2, "f16") };
  for (const sites of places) {
    const [want, got] = [separate, fused].map((branch) => withoutHistory(() => branch(leaves, "gelu", sites, {})));
    await expectClose(want, got, `${sites}`, 8e-3);
  }
});

test("a gate of other columns or in words is refused before anything is allocated", () => {
  using _scope = gpu.scope();
  const { x, w1, b1, last } = tensorsOf(6);
  const words = Tensor.zeros(gpu, [12], "u32");
  const before = gpu.memory.inUse;
  const layer = { x, weight: w1, bias: b1 };
  for (const refused of [
    () => gatedLinear(layer, {}, last),
    () => activatedLinear(layer, {}, "gelu", { before: last }),
    () => activatedLinear(layer, {}, "gelu", { after: last }),
  ])
    expect(refused).toThrow("linear: expected a gate of 12 columns, got [8]");
  expect(() => gatedLinear(layer, {}, words)).toThrow("linear: expected a gate of f32, got u32");
  expect(gpu.memory.inUse).toBe(before);
});

test("factors that ask for a gradient only after they were applied are told, as what they multiplied was not kept", () => {
  using _scope = gpu.scope();
  const { x, w1, b1, w2, b2, before, after, last } = tensorsOf(6);
  w1.requiresGradient = true;
  const layer = { x, weight: w1, bias: b1 };
  const late = /^gate: gradient: expected factors that asked for one when they were applied/;
  const onto = gatedLinear({ ...layer, residual: undefined }, {}, before);
  before.requiresGradient = true;
  expect(() => backward(sum(onto))).toThrow(late);
  expect(() => hessianVectorProduct(sum(onto), new Map([[before, before]]))).toThrow(late);
  const hidden = activatedLinear(layer, {}, "gelu", { after });
  const folded = gatedLinear({ x: hidden, weight: w2, bias: b2, residual: x }, {}, last);
  after.requiresGradient = true;
  expect(() => backward(sum(folded))).toThrow(late);
});

test("units are spread over columns, and their gradients are sums over those", async () => {
  using _scope = gpu.scope();
  const g = Tensor.from(gpu, Float32Array.of(2, -3), [2]);
  g.requiresGradient = true;
  const y = spreadUnits(g, 3, 12);
  expect([...(await y.read())]).toEqual([2, 2, 2, -3, -3, -3, 2, 2, 2, -3, -3, -3]);
  const upstream = Tensor.from(
    gpu,
    Float32Array.from({ length: 12 }, (_, i) => i),
  );
  expect([...(await backward(y, upstream).get(g)!.read())]).toEqual([24, 42]);
  expect(() => spreadUnits(g, 3, 9)).toThrow(ShapeError);
});

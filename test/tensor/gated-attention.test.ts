/** Attention with the gates of heads in its kernel is what attention and a gate behind it are. */
import { beforeAll, expect, test } from "vitest";
import { ShapeError } from "../../src/errors.js";
import type { Gpu } from "../../src/gpu/index.js";
import {
  activation,
  attention,
  backward,
  cast,
  gate,
  hessianVectorProduct,
  mean,
  Tensor,
  withoutHistory,
} from "../../src/tensor/index.js";
import { requireFeature, sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const HEAD_DIM = 5;
const SHAPES = { qkv: [2, 7, 3 * 4 * HEAD_DIM], keyGate: [7], headGate: [4] } as const;
type Name = keyof typeof SHAPES;
type Leaves = Partial<Readonly<Record<Name, Tensor>>> & { readonly qkv: Tensor; readonly headGate: Tensor };

/** A closed head and key among others. */
const VALUES = { keyGate: [1, 0.5, 0, 1.5, 1, 0.2, 1], headGate: [1, -0.5, 0, 1.5] } as const;

const leavesOf = (keys: boolean, tracked: readonly Name[]): Leaves => {
  const qkv = Tensor.from(gpu, normals(840, 3), SHAPES.qkv);
  const headGate = Tensor.from(gpu, Float32Array.from(VALUES.headGate));
  const leaves: Leaves = {
    qkv,
    headGate,
    ...(keys && { keyGate: Tensor.from(gpu, Float32Array.from(VALUES.keyGate)) }),
  };
  for (const name of tracked) if (leaves[name]) leaves[name].requiresGradient = true;
  return leaves;
};

const separate = ({ qkv, keyGate, headGate }: Leaves, causal: boolean) =>
  gate(attention(qkv, { heads: 4, causal }, keyGate), headGate, HEAD_DIM);

const fused = ({ qkv, keyGate, headGate }: Leaves, causal: boolean) =>
  attention(qkv, { heads: 4, causal }, keyGate, headGate);

async function expectClose(got: Tensor, expected: Tensor, what: string): Promise<void> {
  const [left, right] = [await got.read(), await expected.read()];
  expect(left.length, what).toBe(right.length);
  right.forEach((value, i) => {
    expect(Math.abs(left[i] - value), `${what} ${i}`).toBeLessThan(1e-6 * Math.max(1, Math.abs(value)));
  });
}

const dispatchesOf = (run: () => unknown): number => {
  const before = gpu.counters.dispatches;
  run();
  return gpu.counters.dispatches - before;
};

const ALL = ["qkv", "keyGate", "headGate"] as const;
/** Tracked leaves all move in second derivatives unless some are named. */
interface Case {
  readonly name: string;
  readonly keys: boolean;
  readonly causal: boolean;
  readonly tracked: readonly Name[];
  readonly moving?: readonly Name[];
}

const cases: Case[] = [
  { name: "all keys", keys: false, causal: false, tracked: ALL },
  { name: "gated keys", keys: true, causal: false, tracked: ALL },
  { name: "gated keys in causal order", keys: true, causal: true, tracked: ALL },
  { name: "a gate that stays", keys: false, causal: false, tracked: ["qkv"] },
  { name: "gates of heads alone", keys: true, causal: true, tracked: ["headGate"] },
  { name: "gates of heads move alone", keys: true, causal: true, tracked: ALL, moving: ["headGate"] },
  { name: "gates of keys move alone", keys: true, causal: false, tracked: ALL, moving: ["keyGate"] },
  { name: "tokens move alone", keys: true, causal: false, tracked: ALL, moving: ["qkv"] },
];

test.each(cases)("values, gradients and Hessian-vector products: $name", async (each) => {
  const { keys, causal, tracked, moving = tracked } = each;
  using _scope = gpu.scope();
  const leaves = leavesOf(keys, tracked);
  const named = (names: readonly Name[]) => names.flatMap((name) => leaves[name] ?? []);
  const directions = new Map(
    named(moving).map((leaf, seed) => [leaf, Tensor.from(gpu, normals(leaf.size, seed), leaf.shape)]),
  );
  const twice = !causal || !moving.some((name) => name !== "headGate");
  const [expected, got] = [separate, fused].map((build) => {
    const y = build(leaves, causal);
    const loss = mean(activation(y, "gelu"));
    const second = twice ? hessianVectorProduct(loss, directions).products : undefined;
    return { y, gradients: backward(loss), second };
  });
  await expectClose(got.y, expected.y, "y");
  for (const leaf of named(tracked)) {
    await expectClose(got.gradients.get(leaf)!, expected.gradients.get(leaf)!, `gradient of [${leaf.shape}]`);
    if (!twice) continue;
    await expectClose(got.second!.get(leaf)!, expected.second!.get(leaf)!, `product of [${leaf.shape}]`);
  }
});

test("one dispatch, with a history and without, and without one nothing but the gated result", async () => {
  using _scope = gpu.scope();
  const leaves = leavesOf(true, ALL);
  expect(dispatchesOf(() => fused(leaves, false))).toBe(1);
  expect(dispatchesOf(() => separate(leaves, false))).toBe(2);
  const upstream = Tensor.from(gpu, normals(280, 4), [2, 7, 20]);
  const [apart, together] = [separate, fused].map((build) => {
    const y = build(leaves, false);
    return dispatchesOf(() => backward(y, upstream));
  });
  expect(together).toBe(apart - 1); // no gradient between the two by a pass of its own
  let y: Tensor | undefined;
  expect(
    dispatchesOf(() => {
      y = withoutHistory(() => fused(leaves, false));
    }),
  ).toBe(1);
  expect(y!.node).toBeUndefined();
  await expectClose(y!, separate(leaves, false), "y");
});

test("f16 as the separate operations, which round twice", async (context) => {
  requireFeature(gpu, "shader-f16", context);
  using _scope = gpu.scope();
  const leaves = leavesOf(true, []);
  const narrow = { ...leaves, qkv: cast(leaves.qkv, "f16") };
  const [expected, got] = [await separate(narrow, false).read(), await fused(narrow, false).read()];
  expected.forEach((value, i) => {
    expect(Math.abs(value - got[i])).toBeLessThan(2e-3 * Math.max(1, Math.abs(value)));
  });
});

test("a recording reads the gates that are there at its replay", async () => {
  const leaves = leavesOf(false, []);
  using recording = gpu.record(() => fused(leaves, false));
  for (const scale of [1, -2]) {
    gpu.upload(
      leaves.headGate.buffer,
      Float32Array.from(VALUES.headGate, (g) => scale * g),
    );
    recording.replay();
    using _scope = gpu.scope();
    await expectClose(recording.result, separate(leaves, false), `scale ${scale}`);
  }
  for (const leaf of [leaves.qkv, leaves.headGate]) gpu.release(leaf);
});

test("as many gates as heads are expected", () => {
  using _scope = gpu.scope();
  const leaves = leavesOf(false, []);
  const three = Tensor.from(gpu, Float32Array.of(1, 1, 1));
  const before = gpu.memory.inUse;
  expect(() => fused({ ...leaves, headGate: three }, false)).toThrow(ShapeError);
  expect(() => fused({ ...leaves, headGate: three }, false)).toThrow(
    /attention: expected head gates \[4\], one a head, got \[3\]/,
  );
  expect(gpu.memory.inUse).toBe(before);
});

import { beforeAll, expect, test } from "vitest";
import { GpuError, KernelError } from "../../src/errors.js";
import { Gpu } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import { softmax } from "../../src/kernels/softmax.js";
import { sharedGpu } from "../harness/gpu.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

test("what a scope made is reused after it, what it kept is not", async () => {
  const kept = (() => {
    using scope = gpu.scope();
    gpu.allocate(4096);
    const value = scope.keep(gpu.allocate(4096));
    fill(gpu, { y: value }, { length: 1024, value: 7 });
    return value;
  })();
  {
    using _scope = gpu.scope();
    for (let i = 0; i < 4; i++) fill(gpu, { y: gpu.allocate(4096) }, { length: 1024, value: i });
  }
  expect(await gpu.read(kept)).toEqual(new Float32Array(1024).fill(7));
  gpu.release(kept);
});

test("a buffer whose scope ended is refused, by kernel and binding", () => {
  const dead = (() => {
    using _scope = gpu.scope();
    return gpu.allocate(64);
  })();
  expect(() => fill(gpu, { y: dead }, { length: 16, value: 0 })).toThrow(
    new GpuError(
      "fill: binding y: expected a live buffer, got one whose scope has ended; call scope.keep(...) on what must outlive it",
    ),
  );
});

test("a released buffer is refused as such, and with it its parts", async () => {
  const x = gpu.allocate(64);
  const part = x.view(0, 16);
  gpu.release(x);
  const { inUse } = gpu.memory;
  gpu.release(x);
  expect(gpu.memory.inUse).toBe(inUse);
  const message = (what: string) =>
    new GpuError(`${what}: expected a live buffer, got one that was released; release it after its last use`);
  expect(() => fill(gpu, { y: x }, { length: 16, value: 0 })).toThrow(message("fill: binding y"));
  await expect(gpu.read(x)).rejects.toThrow(message("read"));
  await expect(gpu.read(part)).rejects.toThrow(message("read"));
});

test("a buffer of another device is not released, and lives on", async () => {
  using other = await Gpu.create();
  const x = other.allocate(64);
  const { inUse } = other.memory;
  for (const foreign of [x, x.view(0, 16)]) {
    expect(() => gpu.release(foreign)).toThrow(
      new KernelError("release: expected a buffer of this Gpu, got one of another device; release it there"),
    );
  }
  expect(other.memory.inUse).toBe(inUse);
  fill(other, { y: x }, { length: 16, value: 4 });
  expect((await other.read(x))[15]).toBe(4);
});

test("repeating a step allocates nothing and builds nothing", async () => {
  const step = () => {
    using _scope = gpu.scope();
    const x = gpu.allocate(400);
    const y = gpu.allocate(400);
    fill(gpu, { y: x }, { length: 100, value: 1 });
    softmax(gpu, { x, y }, { rows: 10, columns: 10 });
  };
  for (let i = 0; i < 200; i++) step();
  await gpu.sync();
  const before = { ...gpu.memory, ...gpu.counters };
  for (let i = 0; i < 200; i++) step();
  await gpu.sync();
  const after = { ...gpu.memory, ...gpu.counters };
  expect(after).toEqual({ ...before, dispatches: before.dispatches + 400 });
});

test("scopes may end in any order", () => {
  const inUse = gpu.memory.inUse;
  const around = gpu.scope();
  const outer = gpu.scope();
  const inner = gpu.scope();
  outer[Symbol.dispose]();
  gpu.allocate(64);
  const handed = inner.promote(gpu.allocate(64));
  inner[Symbol.dispose]();
  expect(handed.alive).toBe(true);
  gpu.allocate(64); // belongs to `around`, the only one left
  around[Symbol.dispose]();
  expect(handed.alive).toBe(false);
  expect(gpu.memory.inUse).toBe(inUse);
});

test("trim destroys what nobody uses, and only that", async () => {
  const kept = gpu.allocate(64);
  fill(gpu, { y: kept }, { length: 16, value: 3 });
  gpu.release(gpu.allocate(50_000_000));
  const { allocated, inUse } = gpu.memory;
  gpu.trim();
  expect(allocated - gpu.memory.allocated).toBeGreaterThanOrEqual(50_000_000);
  expect(gpu.memory.inUse).toBe(inUse);
  expect(gpu.counters.bindGroups).toBe(0);
  expect((await gpu.read(kept))[15]).toBe(3);
  gpu.release(kept);
});

import { beforeAll, expect, test } from "vitest";
import { GpuError, KernelError } from "../../src/errors.js";
import type { Gpu } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import * as shaders from "../../src/kernels/shaders.gen.js";
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

test("a recording runs only when replayed, reads inputs anew, and gives its memory back", async () => {
  const inUse = gpu.memory.inUse;
  const x = gpu.allocate(40);
  {
    using recording = gpu.record(() => {
      const y = gpu.allocate(40);
      softmax(gpu, { x, y }, { rows: 1, columns: 10 });
      return y;
    });
    gpu.upload(x, new Float32Array(10).fill(3));
    recording.replay();
    expect((await gpu.read(recording.result))[0]).toBeCloseTo(0.1, 6);
    gpu.upload(x, Float32Array.of(100, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    recording.replay();
    expect((await gpu.read(recording.result))[0]).toBe(1);
    const counters = gpu.counters;
    for (let i = 0; i < 100; i++) recording.replay();
    await gpu.sync();
    expect(gpu.counters).toEqual({ ...counters, dispatches: counters.dispatches + 100 });
  }
  gpu.release(x);
  expect(gpu.memory.inUse).toBe(inUse);
});

test("temporaries of a recording are not handed to later work", async () => {
  const x = gpu.allocate(40);
  gpu.upload(x, new Float32Array(10).fill(1));
  using recording = gpu.record(() => {
    using scope = gpu.scope();
    const temporary = gpu.allocate(40);
    softmax(gpu, { x, y: temporary }, { rows: 1, columns: 10 });
    return scope.keep(temporary);
  });
  const other = gpu.allocate(40);
  fill(gpu, { y: other }, { length: 10, value: 5 });
  recording.replay();
  expect((await gpu.read(other))[0]).toBe(5);
  gpu.release(other);
  gpu.release(x);
});

test("upload and read inside of a recording are refused", () => {
  const x = gpu.allocate(16);
  expect(() => gpu.record(() => gpu.upload(x, new Float32Array(4)))).toThrow(KernelError);
  expect(() => gpu.record(() => gpu.record(() => 0))).toThrow(/do not nest/);
  fill(gpu, { y: x }, { length: 4, value: 1 });
  gpu.release(x);
});

test("an upload comes after what was recorded before it", async () => {
  const x = gpu.allocate(16);
  fill(gpu, { y: x }, { length: 4, value: 1 });
  gpu.upload(x, new Float32Array(4).fill(2));
  expect(await gpu.read(x)).toEqual(new Float32Array(4).fill(2));
  gpu.release(x);
});

test("uploads need not be whole words", async () => {
  const x = gpu.allocate(8);
  fill(gpu, { y: x }, { length: 2, value: 0 });
  gpu.upload(x, Uint8Array.of(1, 2, 3, 4, 5));
  expect([...(await gpu.read(x, Uint8Array))].slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
  gpu.release(x);
});

test("the host's buffer is used in place and survives", async () => {
  const raw = gpu.device.createBuffer({ size: 1024, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  {
    using _scope = gpu.scope();
    fill(gpu, { y: gpu.borrow(raw, 256, 64) }, { length: 16, value: 9 });
  }
  const words = await gpu.read(gpu.borrow(raw));
  expect(words.slice(60, 84)).toEqual(Float32Array.from({ length: 24 }, (_, i) => (i >= 4 && i < 20 ? 9 : 0)));
  expect(() => gpu.borrow(raw, 512, 1024)).toThrow(GpuError);
  raw.destroy();
});

test("recordInto adds to the host's encoder, which the host submits", async () => {
  const encoder = gpu.device.createCommandEncoder();
  const x = gpu.allocate(40);
  const y = gpu.recordInto(encoder, () => {
    const out = gpu.allocate(40);
    fill(gpu, { y: x }, { length: 10, value: 2 });
    softmax(gpu, { x, y: out }, { rows: 1, columns: 10 });
    return out;
  });
  fill(gpu, { y: x }, { length: 10, value: 0 });
  await gpu.sync();
  gpu.device.queue.submit([encoder.finish()]);
  expect((await gpu.read(x))[0]).toBe(2);
  expect((await gpu.read(y))[9]).toBeCloseTo(0.1, 6);
  gpu.release(x);
});

test("what is wrong with a dispatch is said before WebGPU would", () => {
  const x = gpu.allocate(64);
  const call = { buffers: { x, y: x }, params: { rows: 1, columns: 4 }, groups: 1 };
  expect(() => gpu.dispatch(shaders.softmax, call)).toThrow(/softmax: bindings x and y share one buffer/);
  const y = gpu.allocate(64);
  expect(() => gpu.dispatch(shaders.softmax, { ...call, buffers: { x, y }, groups: 0 })).toThrow(
    /softmax: .*workgroups/,
  );
  expect(() => gpu.dispatch(shaders.softmax, { ...call, buffers: { x, y }, params: { rows: -1, columns: 4 } })).toThrow(
    /expected a u32 for parameter rows, got -1/,
  );
  expect(() =>
    // @ts-expect-error a misspelt binding does not compile either
    gpu.dispatch(shaders.softmax, { ...call, buffers: { x, z: y } }),
  ).toThrow(/expected a buffer for binding y/);
  expect(() =>
    // @ts-expect-error nor does a constant that the kernel does not have
    gpu.dispatch(shaders.softmax, { ...call, buffers: { x, y }, constants: { GRUOP: 32 } }),
  ).toThrow(/softmax: expected a constant among/);
  gpu.release(x);
  gpu.release(y);
});

test("a kernel that does not compile is an error at the next await, with its label and line", async () => {
  const broken = { name: "broken", code: "fn main( {", bindings: [], params: [], constants: [] } as const;
  gpu.dispatch(broken, { buffers: {}, groups: 1 });
  await expect(gpu.sync()).rejects.toThrow(/:1:10 error[\s\S]*broken/);
  await gpu.sync();
});

test("poison fills what nobody wrote", async () => {
  gpu.poison = true;
  const x = gpu.allocate(16);
  gpu.poison = false;
  expect([...(await gpu.read(x))].every(Number.isNaN)).toBe(true);
  gpu.release(x);
});

test("more groups than one dimension holds are folded", async () => {
  const length = 65_536 * 64 + 5;
  const x = gpu.allocate(length * 4);
  fill(gpu, { y: x }, { length, value: 3 });
  const all = await gpu.read(x);
  expect(all.every((value) => value === 3)).toBe(true);
  gpu.release(x);
});

test("profile names kernels and their time", async (context) => {
  if (!gpu.features.has("timestamp-query")) context.skip("no timestamp queries on this device");
  const x = gpu.allocate(4_000_000);
  const timings = await gpu.profile(() => {
    for (let i = 0; i < 3; i++) fill(gpu, { y: x }, { length: 1_000_000, value: i });
  });
  expect(timings).toEqual([{ kernel: expect.stringMatching(/^fill/), count: 3, milliseconds: expect.any(Number) }]);
  expect(timings[0].milliseconds).toBeGreaterThan(0);
  gpu.release(x);
});

import { beforeAll, expect, test } from "vitest";
import { GpuError, UsageError } from "../../src/errors.js";
import { GpuBuffer } from "../../src/gpu/buffer.js";
import { requestDevice } from "../../src/gpu/device.js";
import { Gpu, openAdapter } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import { softmax } from "../../src/kernels/softmax.js";
import { sharedGpu } from "../harness/gpu.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
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

test("recordInto says what is no encoder and no function", () => {
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  const into = (target: unknown, fn: unknown) => () => gpu.recordInto(target as GPUCommandEncoder, fn as () => void);
  for (const [wrong, got] of [
    [undefined, "undefined"],
    [() => {}, "a function"],
    [pass, "GPUComputePassEncoder"],
    [gpu.device.queue, "GPUQueue"],
  ]) {
    expect(into(wrong, () => expect.unreachable())).toThrow(
      new UsageError(
        `recordInto: expected a GPUCommandEncoder and a function, got ${got} first; pass what device.createCommandEncoder() gives, with no pass open`,
      ),
    );
  }
  pass.end();
  for (const [wrong, got] of [
    [undefined, "undefined"],
    [encoder, "GPUCommandEncoder"],
  ]) {
    const message = (what: string) => `${what}: expected a function, got ${got}; pass what is to be done inside`;
    expect(into(encoder, wrong)).toThrow(new UsageError(message("recordInto")));
    expect(() => gpu.record(wrong as never)).toThrow(new UsageError(message("record")));
    expect(() => gpu.unscoped(wrong as never)).toThrow(new UsageError(message("unscoped")));
  }
  gpu.device.queue.submit([encoder.finish()]);
});

test("recordInto leaves nothing in the caches of the device", async () => {
  const x = gpu.allocate(40);
  const before = { ...gpu.memory, ...gpu.counters };
  for (let i = 0; i < 200; i++) {
    const encoder = gpu.device.createCommandEncoder();
    gpu.recordInto(encoder, () => {
      using _scope = gpu.scope();
      const temporary = gpu.allocate(40);
      fill(gpu, { y: temporary }, { length: 10, value: i });
      softmax(gpu, { x: temporary, y: x }, { rows: 1, columns: 10 });
    });
    gpu.device.queue.submit([encoder.finish()]);
  }
  await gpu.sync();
  expect({ ...gpu.memory, ...gpu.counters }).toEqual({ ...before, peak: expect.any(Number) });
  gpu.release(x);
});

test("buffers of the host that come anew with every frame are kept in a bounded number", async () => {
  const before = gpu.counters.bindGroups;
  for (let frame = 0; frame < 1500; frame++) {
    const raw = gpu.device.createBuffer({ size: 64, usage: GPUBufferUsage.STORAGE });
    fill(gpu, { y: gpu.borrow(raw) }, { length: 16, value: frame });
  }
  await gpu.sync();
  expect(gpu.counters.bindGroups - before).toBeLessThanOrEqual(512);
});

test("ranges of the host's buffers are whole words", () => {
  const raw = gpu.device.createBuffer({ size: 64, usage: GPUBufferUsage.STORAGE });
  for (const range of [
    [0, 6],
    [2, 4],
    [-4, 8],
    [0, 0.5],
  ] as const) {
    expect(() => gpu.borrow(raw, ...range)).toThrow(/borrow: expected whole words among the 64 bytes/);
  }
  const ragged = new GpuBuffer(raw, 0, 6);
  expect(() => fill(gpu, { y: ragged }, { length: 1, value: 0 })).toThrow(/whole words of 4 bytes, got 6 bytes/);
  raw.destroy();
});

test("faults of the host on its own device stay the host's, ours are thrown", async () => {
  const device = await requestDevice(await openAdapter());
  const heard: boolean[] = [];
  device.addEventListener("uncapturederror", (event) => {
    heard.push(event.defaultPrevented);
    event.preventDefault(); // keeps the log clean
  });
  const guest = Gpu.from(device);
  expect(guest.info.kind).toBe("host");
  await guest.verify();
  device.createBuffer({ label: "the host's mistake", size: 4, usage: 0 });
  await guest.sync();
  expect(heard).toEqual([false]);
  const broken = { name: "broken", code: "fn main( {", bindings: [], params: [], constants: [] } as const;
  guest.dispatch(broken, { buffers: {}, groups: 1 });
  await expect(guest.sync()).rejects.toThrow(/broken/);
  guest.destroy();
  device.destroy();
});

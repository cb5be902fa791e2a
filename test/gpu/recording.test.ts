import { beforeAll, expect, test } from "vitest";
import { GpuError, KernelError } from "../../src/errors.js";
import type { Gpu } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import { softmax } from "../../src/kernels/softmax.js";
import { type Model, ModelRecording } from "../../src/nn/index.js";
import { historyEnabled, withoutHistory } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
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

test("a model's step that cannot be replayed says so once, and is recorded anew", async () => {
  const whole = { structure: 0 };
  const model = { gpu, parameters: whole, gates: whole } as unknown as Model;
  const y = gpu.allocate(40);
  let value = 1;
  using step = new ModelRecording(model, () => fill(gpu, { y }, { length: 10, value: value++ }));
  step.replay();
  step.replay();
  expect((await gpu.read(y))[0]).toBe(1);
  gpu.refuseRecordings("recording: wrong");
  expect(() => step.replay()).toThrow(new GpuError("recording: wrong"));
  step.replay();
  expect((await gpu.read(y))[0]).toBe(2);
  gpu.release(y);
});

test("a replay into memory that was released since is refused", async () => {
  const x = gpu.allocate(40);
  using recording = gpu.record(() => fill(gpu, { y: x }, { length: 10, value: 7 }));
  using onView = gpu.record(() => fill(gpu, { y: gpu.borrow(x.raw, 0, 40) }, { length: 10, value: 7 }));
  using copying = gpu.record(() => gpu.copy(x, gpu.allocate(40)));
  recording.replay();
  gpu.release(x);
  const y = gpu.allocate(40);
  fill(gpu, { y }, { length: 10, value: 1 });
  const refusal = new GpuError(
    "recording: expected the buffers that it uses to be alive, got one of 40 bytes that was released; record it again",
  );
  expect(() => recording.replay()).toThrow(refusal);
  expect(() => onView.replay()).toThrow(refusal);
  expect(() => copying.replay()).toThrow(refusal);
  expect(await gpu.read(y)).toEqual(new Float32Array(10).fill(1));
  gpu.release(y);
});

test("what belonged to a disposed recording is refused", () => {
  const recording = gpu.record(() => {
    const y = gpu.allocate(40);
    fill(gpu, { y }, { length: 10, value: 7 });
    return y;
  });
  recording[Symbol.dispose]();
  expect(() => recording.replay()).toThrow(/recording: expected a live recording/);
  expect(() => fill(gpu, { y: recording.result }, { length: 10, value: 7 })).toThrow(/expected a live buffer/);
});

test("a recording leaves nothing in the caches of the device", async () => {
  const before = { ...gpu.memory, ...gpu.counters };
  for (let i = 0; i < 200; i++) {
    using recording = gpu.record(() => fill(gpu, { y: gpu.allocate(40) }, { length: 10, value: i }));
    recording.replay();
  }
  await gpu.sync();
  expect({ ...gpu.memory, ...gpu.counters }).toEqual({
    ...before,
    peak: expect.any(Number),
    dispatches: expect.any(Number),
  });
});

test("asynchronous callbacks are refused", async () => {
  const encoder = gpu.device.createCommandEncoder();
  const refusal = (what: string) =>
    new KernelError(`${what}: expected a synchronous callback, got one that returns a promise; await outside of it`);
  const late = async () => {
    throw new Error("later");
  };
  // @ts-expect-error it does not compile either
  expect(() => gpu.record(late)).toThrow(refusal("record"));
  // @ts-expect-error it does not compile either
  expect(() => gpu.recordInto(encoder, late)).toThrow(refusal("recordInto"));
  // @ts-expect-error it does not compile either
  expect(() => withoutHistory(late)).toThrow(refusal("withoutHistory"));
  expect(historyEnabled()).toBe(true);
  await gpu.sync();
});

import { beforeAll, expect, test } from "vitest";
import { KernelError } from "../../src/errors.js";
import type { Gpu } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import { sharedGpu } from "../harness/gpu.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

test("a copy stays in its ranges", async () => {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const raw = gpu.device.createBuffer({ size: 768, usage });
  const [before, middle] = [gpu.borrow(raw, 0, 256), gpu.borrow(raw, 256, 256)];
  const x = gpu.allocate(512);
  fill(gpu, { y: x }, { length: 128, value: 5 });
  expect(() => gpu.copy(x, middle, 512)).toThrow(
    new KernelError("copy: expected at most 256 bytes of the target, got 0+512; copy less"),
  );
  expect(() => gpu.copy(middle, x, 256, 4)).toThrow(/copy: expected at most 256 bytes of the source, got 4\+256/);
  expect(() => gpu.copy(x, middle, 6)).toThrow(/copy: expected byteLength in steps of 4 .*got 6/);
  expect(() => gpu.copy(x, middle, 4, 2)).toThrow(/copy: expected fromOffset in steps of 4 .*got 2/);
  expect(() => gpu.copy(x, middle, 4, 0, -4)).toThrow(/copy: expected toOffset in steps of 4 .*got -4/);
  expect(() => gpu.copy(before, middle)).toThrow(/copy: expected two buffers, got ranges of one/);
  gpu.copy(x, middle, undefined, 0, 128); // as much as fits from there
  const words = await gpu.read(gpu.borrow(raw));
  expect(words).toEqual(Float32Array.from({ length: 192 }, (_, i) => (i >= 96 && i < 128 ? 5 : 0)));
  raw.destroy();
  gpu.release(x);
});

test("an upload stays in its buffer", () => {
  const x = gpu.allocate(16);
  expect(() => gpu.upload(x, new Float32Array(5))).toThrow(/upload: expected at most 16 bytes.*got 0\+20/);
  expect(() => gpu.upload(x, new Uint8Array(2), 2)).toThrow(/upload: expected .*offset in steps of 4, got 2\+2/);
  gpu.release(x);
});

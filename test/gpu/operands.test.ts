/** What may stand for a buffer, and what a buffer of the host must have been created for. */
import { beforeAll, describe, expect, test } from "vitest";
import { KernelError, UsageError } from "../../src/errors.js";
import { Gpu } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import * as shaders from "../../src/kernels/shaders.gen.js";
import { Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const outcome = async (use: () => unknown) => use();

describe("a borrowed buffer is refused where it lacks the usage", () => {
  test.each(["COPY_SRC", "COPY_DST", "STORAGE"] as const)("%s", async (missing) => {
    const all = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const raw = gpu.device.createBuffer({ label: "mine", size: 64, usage: all & ~GPUBufferUsage[missing] });
    using _scope = gpu.scope();
    const [x, other] = [gpu.borrow(raw), gpu.allocate(64)];
    gpu.clear(other);
    const uses = {
      read: ["COPY_SRC", () => gpu.read(x)],
      "read of a part": ["COPY_SRC", () => gpu.read(x.view(4, 8))],
      "copy: source": ["COPY_SRC", () => gpu.copy(x, other)],
      "copy: target": ["COPY_DST", () => gpu.copy(other, x)],
      upload: ["COPY_DST", () => gpu.upload(x, new Float32Array(4))],
      clear: ["COPY_DST", () => gpu.clear(x)],
      "fill: binding y": ["STORAGE", () => fill(gpu, { y: x }, { length: 4, value: 1 })],
    } as const;
    for (const [name, [usage, use]] of Object.entries(uses)) {
      if (usage !== missing) {
        await outcome(use);
        continue;
      }
      const what = name.replace(" of a part", "");
      const expected = `expected a buffer with the usage ${usage}, got "mine" without it; create it with GPUBufferUsage.${usage}`;
      await expect(outcome(use), name).rejects.toThrow(new KernelError(`${what}: ${expected}`));
    }
    await gpu.sync();
    raw.destroy();
  });
});

describe("what is no buffer of this device is named", () => {
  const remedy = "gpu.borrow takes a GPUBuffer, gpu.upload a typed array";

  test("a typed array, a GPUBuffer, nothing", () => {
    using _scope = gpu.scope();
    const x = gpu.allocate(16);
    const raw = gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE });
    for (const [value, got] of [
      [new Float32Array(4), "Float32Array"],
      [raw, "GPUBuffer"],
      [undefined, "undefined"],
    ] as const) {
      const wrong = value as unknown as Tensor;
      const expected = (what: string) =>
        new KernelError(`${what}: expected a GpuBuffer or a Tensor, got ${got}; ${remedy}`);
      expect(() => gpu.upload(wrong, new Float32Array(4))).toThrow(expected("upload"));
      expect(() => gpu.copy(wrong, x)).toThrow(expected("copy: source"));
      expect(() => gpu.copy(x, wrong)).toThrow(expected("copy: target"));
      expect(() => gpu.clear(wrong)).toThrow(expected("clear"));
      if (!value) continue; // a binding that is missing has words of its own
      const call = { buffers: { x: wrong, y: x }, params: { rows: 1, columns: 4 }, groups: 1 };
      expect(() => gpu.dispatch(shaders.softmax, call)).toThrow(expected("softmax: binding x"));
    }
    raw.destroy();
  });

  test("a Tensor is as good as its buffer", async () => {
    using _scope = gpu.scope();
    const [x, y] = [Tensor.zeros(gpu, [4]), Tensor.zeros(gpu, [4])];
    gpu.upload(x, Float32Array.of(1, 2, 3, 4));
    gpu.copy(x, y);
    gpu.clear(x);
    expect([...(await gpu.read(y)), ...(await gpu.read(x))]).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
  });

  test("a buffer of another device, not one of another Gpu on the same device", async () => {
    const [owner, guest] = [await Gpu.create(), Gpu.from(gpu.device)];
    const raw = owner.device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE });
    for (const foreign of [owner.allocate(16), owner.allocate(16).view(0, 16), owner.borrow(raw)]) {
      expect(() => fill(gpu, { y: foreign }, { length: 4, value: 0 })).toThrow(
        new KernelError(
          "fill: binding y: expected a buffer of this Gpu, got one of another device; read it there and upload it here",
        ),
      );
    }
    const shared = guest.allocate(16);
    fill(gpu, { y: shared }, { length: 4, value: 7 });
    expect((await gpu.read(shared))[3]).toBe(7);
    guest.destroy();
    owner.destroy();
  });

  test("data to upload is a view of bytes", () => {
    using _scope = gpu.scope();
    const numbers = [1, 2, 3] as unknown as Float32Array;
    expect(() => gpu.upload(gpu.allocate(16), numbers)).toThrow(/^upload: expected a typed array, got Array; make one/);
  });

  test("f64, which kernels cannot read, is not uploaded", () => {
    using _scope = gpu.scope();
    expect(() => gpu.upload(gpu.allocate(16), Float64Array.of(1, 2))).toThrow(
      new UsageError("upload: expected values that kernels can read, got Float64Array; upload new Float32Array(data)"),
    );
  });

  test("what to read as is a type of array that there is", async () => {
    const x = gpu.allocate(8);
    gpu.upload(x, Uint16Array.of(1, 2, 3, 4));
    for (const [type, got] of [
      [Array, "Array"],
      [Float64Array, "Float64Array"],
      [() => {}, "a function"],
      ["f32", '"f32"'],
      [8, "8"],
      [null, "null"],
    ] as const) {
      await expect(gpu.read(x, type as unknown as Float32ArrayConstructor)).rejects.toThrow(
        new UsageError(
          `read: expected Float32Array, Uint32Array, Int32Array, Uint8Array or Uint16Array, got ${got}; pass one, or nothing for f32`,
        ),
      );
    }
    const words = [0x00020001, 0x00040003];
    for (const type of [Uint32Array, Int32Array]) expect([...(await gpu.read(x, type))]).toEqual(words);
    expect([...(await gpu.read(x, Uint16Array))]).toEqual([1, 2, 3, 4]);
    expect([...(await gpu.read(x, Uint8Array))]).toEqual([1, 0, 2, 0, 3, 0, 4, 0]);
    gpu.release(x);
  });
});

describe("what makes buffers and devices names what it was given instead", () => {
  test("borrow", () => {
    using _scope = gpu.scope();
    for (const [value, got] of [
      [gpu.allocate(16), "GpuBuffer"],
      [Tensor.zeros(gpu, [4]), "Tensor"],
      [new Float32Array(4), "Float32Array"],
      [undefined, "undefined"],
    ] as const) {
      const borrow = () => gpu.borrow(value as unknown as GPUBuffer);
      expect(borrow).toThrow(UsageError);
      expect(borrow).toThrow(`borrow: expected a GPUBuffer, got ${got}; `);
    }
  });

  test("Gpu.from", () => {
    const from = () => Gpu.from({ requestDevice: () => {} } as unknown as GPUDevice);
    expect(from).toThrow(UsageError);
    expect(from).toThrow(/^Gpu\.from: expected a GPUDevice, got Object; pass what adapter\.requestDevice/);
  });

  test("allocate", () => {
    const limit = gpu.limits.maxBufferSize;
    for (const [bytes, remedy] of [
      [0, "ask for whole bytes, at least one"],
      [-4, "ask for whole bytes, at least one"],
      [2.5, "ask for whole bytes, at least one"],
      [limit + 4, "use smaller batches"],
    ] as const) {
      const message = `buffer: expected 1 to ${limit} bytes on this device, got ${bytes}; ${remedy}`;
      expect(() => gpu.allocate(bytes)).toThrow(message);
    }
    expect(() => gpu.allocate("256" as never)).toThrow('on this device, got "256"; ask for whole bytes');
  });

  test("dispatch without groups", () => {
    using _scope = gpu.scope();
    const call = { buffers: { y: gpu.allocate(16) }, params: { start: 0, end: 4, value: 1 } };
    for (const [groups, got] of [
      [undefined, "undefined"],
      [[1, 2], "Array"],
    ] as const) {
      expect(() => gpu.dispatch(shaders.fill, { ...call, groups: groups as unknown as number })).toThrow(
        new KernelError(
          `fill: expected groups, a count of workgroups or [x, y, z], got ${got}; correct groups in the call`,
        ),
      );
    }
  });
});

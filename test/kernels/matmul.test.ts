/** What the cases of test/cases/matmul.ts cannot show: the choice of a variant, and refusals. */
import { describe, expect, test, vi } from "vitest";
import { KernelError, ShapeError } from "../../src/errors.js";
import { GpuBuffer } from "../../src/gpu/buffer.js";
import type { Gpu } from "../../src/gpu/index.js";
import { type MatmulBuffers, type MatmulOrder, type MatmulSize, matmul } from "../../src/kernels/matmul.js";
import { epilogue } from "../../src/kernels/matmul-call.js";
import { splitK, tileShape } from "../../src/kernels/matmul-tile.js";
import { chooseTiles, chooseVariant } from "../../src/kernels/matmul-variant.js";
import { sharedGpu } from "../harness/gpu.js";
import { maskWords, normals } from "../harness/random.js";

const limits = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16_384,
};
const device = (software: boolean, subgroupSize: number | undefined, ...features: string[]) =>
  ({ info: { software, subgroupSize, vendor: "" }, features: new Set(features), limits }) as unknown as Gpu;

describe("matmul: the choice of a variant", () => {
  const square = { m: 512, n: 512, k: 512 };

  test("software drivers with subgroups of 4 or 8 take lanes", () => {
    for (const size of [4, 8]) expect(chooseTiles(device(true, size, "subgroups"), square)).toBe("lane");
    expect(chooseTiles(device(true, 8, "subgroups"), { m: 5, n: 10, k: 49 })).toBe("lane");
    expect(chooseTiles(device(true, 8), square)).toBe("tile");
    expect(chooseTiles(device(true, undefined, "subgroups"), square)).toBe("tile");
  });

  test("GPUs split k only where tiles are few and k is long", () => {
    const gpu = device(false, 32, "subgroups");
    expect(chooseTiles(gpu, { m: 192, n: 192, k: 12_608 })).toBe("split");
    expect(chooseTiles(gpu, { m: 192, n: 192, k: 128 })).toBe("tile");
    expect(chooseTiles(gpu, { m: 4096, n: 4096, k: 4096 })).toBe("tile");
  });

  test("any device has kernels for one row, and for outer products without an epilogue", () => {
    const chosen = (gpu: Gpu, order: MatmulOrder, size: MatmulSize, parts: object = {}) =>
      chooseVariant({ gpu, order, size, buffers: parts as MatmulBuffers, options: {} });
    for (const gpu of [device(true, 8, "subgroups"), device(false, 32, "subgroups")]) {
      expect(chosen(gpu, "nt", { m: 1, n: 64, k: 64 })).toBe("row");
      expect(chosen(gpu, "nn", { m: 1, n: 64, k: 64 })).toBe("row");
      expect(chosen(gpu, "tn", { m: 64, n: 64, k: 1 })).toBe("outer");
      expect(chosen(gpu, "tn", { m: 64, n: 64, k: 1 }, { scored: {}, mask: {} })).toBe("outer");
      expect(chosen(gpu, "tn", { m: 64, n: 64, k: 1 }, { bias: {} })).not.toBe("outer");
    }
  });

  test("chunks cover k once and none is empty", () => {
    for (let k = 1; k < 3000; k += 7) {
      const { splits, chunk } = splitK({ m: 64, n: 100, k }, tileShape("64x64x16/4x4"));
      expect(splits * chunk).toBeGreaterThanOrEqual(k);
      expect((splits - 1) * chunk).toBeLessThan(k);
    }
  });
});

describe("matmul: what a case cannot be", () => {
  const orders = ["nn", "nt", "tn"] as const;

  test.each(orders)("%s: a recorded product sees every later mask", async (order) => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const size = { m: 40, n: 70, k: 68 };
    const bits = order === "tn" ? size.m * size.n : size.n * size.k;
    const mask = gpu.allocate(4 * Math.ceil(bits / 32));
    const [a, b] = [size.m * size.k, size.k * size.n].map((length, seed) => {
      const buffer = gpu.allocate(4 * length);
      gpu.upload(buffer, normals(length, seed));
      return buffer;
    });
    const [replayed, fresh] = [0, 1].map(() => gpu.allocate(4 * size.m * size.n));
    using step = gpu.record(() => matmul(gpu, order, { a, b, mask, out: replayed }, size));
    const seen = new Set<string>();
    for (const words of [maskWords(bits, 1), new Uint32Array(Math.ceil(bits / 32)), maskWords(bits, 2)]) {
      gpu.upload(mask, words);
      step.replay();
      matmul(gpu, order, { a, b, mask, out: fresh }, size);
      const [got, want] = [await gpu.read(replayed), await gpu.read(fresh)];
      expect(got).toEqual(want);
      seen.add(got.join());
    }
    expect(seen.size).toBe(3);
  });

  test.each(orders)("%s: an infinite element stays in its column where k is no multiple of four", async (order) => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const size = { m: 8, n: 8, k: 5 };
    const [a, b] = [40, 40].map(() => new Float32Array(40).fill(1));
    b[order === "nt" ? size.k - 1 : (size.k - 1) * size.n] = Number.POSITIVE_INFINITY;
    const buffers = { a: gpu.allocate(160), b: gpu.allocate(160), out: gpu.allocate(256) };
    gpu.upload(buffers.a, a);
    gpu.upload(buffers.b, b);
    matmul(gpu, order, buffers, size);
    const want = Array.from({ length: 64 }, (_, i) => (i % 8 === 0 ? Number.POSITIVE_INFINITY : 5));
    expect([...(await gpu.read(buffers.out))]).toEqual(want);
  });
});

test("matmul: placeholders are allocated only for parts that are absent, one for all that are read", () => {
  const allocate = vi.fn((bytes: number) => ({ bytes }) as unknown as GpuBuffer);
  const part = {} as GpuBuffer;
  const end = (parts: Partial<MatmulBuffers>) => {
    allocate.mockClear();
    const buffers = { a: part, b: part, out: part, ...parts };
    const call = {
      gpu: { allocate } as unknown as Gpu,
      order: "nt",
      buffers,
      size: { m: 4, n: 4, k: 4 },
      options: {},
    } as const;
    return epilogue(call, 4).buffers;
  };
  const { bias, gate, residual, preactivation } = end({});
  expect(allocate.mock.calls).toEqual([[16], [16]]);
  for (const read of [gate, residual]) expect(read).toBe(bias);
  expect(preactivation).not.toBe(bias); // a buffer that is written cannot be read
  end({ bias: part, preactivation: part, residual: part });
  expect(allocate).toHaveBeenCalledOnce();
  end({ bias: part, gate: part, preactivation: part, residual: part });
  expect(allocate).not.toHaveBeenCalled();
});

describe("matmul: refusals", () => {
  test("a buffer too small and a size that is no positive integer", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const [a, b, out] = [64, 64, 60].map((bytes) => gpu.allocate(bytes));
    expect(() => matmul(gpu, "nn", { a, b, out }, { m: 4, n: 4, k: 4 })).toThrow(ShapeError);
    expect(() => matmul(gpu, "nn", { a, b, out }, { m: 4, n: 4, k: 4 })).toThrow(
      /out: expected at least 64 bytes, got 60/,
    );
    expect(() => matmul(gpu, "nn", { a, b, out }, { m: 0, n: 4, k: 4 })).toThrow(
      /m: expected a positive integer, got 0/,
    );
  });

  test("lanes forced on a device without small subgroups", () => {
    const [a, b, out] = Array.from({ length: 3 }, () => new GpuBuffer({ size: 400, raw: undefined }, 0, 400));
    const fake = { ...device(true, 32, "subgroups"), scope: () => ({ [Symbol.dispose]() {} }) } as unknown as Gpu;
    const forced = () => matmul(fake, "nt", { a, b, out }, { m: 5, n: 5, k: 5 }, { variant: "lane" });
    expect(forced).toThrow(KernelError);
    expect(forced).toThrow(/lane variant: expected subgroups of 4 or 8, got 32/);
  });

  test("parts that do not go together", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const [a, b, out] = [64, 64, 64].map((bytes) => gpu.allocate(bytes));
    const size = { m: 4, n: 4, k: 4 };
    expect(() => matmul(gpu, "nt", { a, out }, size)).toThrow(/expected an operand b, got none/);
    expect(() => matmul(gpu, "tn", { a, b, out }, size, { weightAs: "square" })).toThrow(KernelError);
    expect(() => matmul(gpu, "tn", { a, b, out, residual: a, scored: b }, size)).toThrow(
      /one of residual, scored and activated, got several/,
    );
  });
});

/** What the cases of test/cases/matmul.ts cannot show: the choice of a variant, and refusals. */
import { describe, expect, test } from "vitest";
import { KernelError, ShapeError } from "../../src/errors.js";
import type { Gpu } from "../../src/gpu/index.js";
import { type MatmulBuffers, type MatmulOrder, type MatmulSize, matmul } from "../../src/kernels/matmul.js";
import { splitK, tileShape } from "../../src/kernels/matmul-tile.js";
import { chooseTiles, chooseVariant } from "../../src/kernels/matmul-variant.js";
import { sharedGpu } from "../harness/gpu.js";

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
    const buffer = { buffer: { byteLength: 400 } } as never;
    const fake = { ...device(true, 32, "subgroups"), scope: () => ({ [Symbol.dispose]() {} }) } as unknown as Gpu;
    const forced = () =>
      matmul(fake, "nt", { a: buffer, b: buffer, out: buffer }, { m: 5, n: 5, k: 5 }, { variant: "lane" });
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

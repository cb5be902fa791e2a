/** What the cases of test/cases/conv.ts cannot show: the choice of a variant, and refusals. */
import { describe, expect, test } from "vitest";
import { KernelError, ShapeError } from "../../src/errors.js";
import { GpuBuffer } from "../../src/gpu/buffer.js";
import type { Gpu } from "../../src/gpu/index.js";
import { conv2d } from "../../src/kernels/conv.js";
import { convExtents, imageProduct, weightProduct } from "../../src/kernels/conv-size.js";
import { chooseConvVariant, splitLines } from "../../src/kernels/conv-variant.js";
import { sharedGpu } from "../harness/gpu.js";

const device = (software: boolean, subgroupSize: number | undefined, ...features: string[]) =>
  ({ info: { software, subgroupSize }, features: new Set(features) }) as unknown as Gpu;

const kernel = [3, 3] as const;
const square = { batch: 2, channels: 64, height: 14, width: 14, outputs: 64, kernel, padding: 1 };

describe("conv2d: the choice of a variant", () => {
  const product = imageProduct(convExtents("conv2d", square), false);

  test("software drivers with subgroups of 4 or 8 take lanes, others tiles", () => {
    for (const size of [4, 8]) expect(chooseConvVariant(device(true, size, "subgroups"), product)).toBe("lane");
    expect(chooseConvVariant(device(true, 8), product)).toBe("tile");
    expect(chooseConvVariant(device(false, 32, "subgroups"), product)).toBe("tile");
  });

  test("depthwise convolutions are summed directly", () => {
    const depthwise = imageProduct(convExtents("conv2d", { ...square, groups: 64 }), false);
    for (const software of [true, false]) {
      expect(chooseConvVariant(device(software, 8, "subgroups"), depthwise)).toBe("direct");
    }
  });

  test("runs of lines cover all of them once and none is empty", () => {
    for (const gpu of [device(true, 8, "subgroups"), device(false, 32)]) {
      for (let batch = 1; batch < 200; batch += 7) {
        const extents = convExtents("conv2d", { ...square, batch });
        const variant = gpu.info.software ? "lane" : "tile";
        const { splits, chunk } = splitLines(gpu, variant, extents, weightProduct(extents));
        const lines = batch * extents.out.height;
        expect(splits * chunk).toBeGreaterThanOrEqual(lines);
        expect((splits - 1) * chunk).toBeLessThan(lines);
      }
    }
  });
});

describe("conv2d: refusals", () => {
  test("sizes that are none, and buffers that are too short", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const [x, weight, y] = [4 * 64, 4 * 16, 4 * 16].map((words) => gpu.allocate(4 * words));
    const size = { batch: 1, channels: 4, height: 8, width: 8, outputs: 4, kernel: [2, 2] as const, stride: 2 };
    conv2d(gpu, { x, weight, y }, size);
    const refused = (changes: Partial<typeof size> & { padding?: number; groups?: number }) => () =>
      conv2d(gpu, { x, weight, y }, { ...size, ...changes });
    expect(refused({ batch: 2 })).toThrow(ShapeError);
    expect(refused({ batch: 2 })).toThrow(/conv2d: expected 512 elements in x, got 256/);
    expect(refused({ stride: 0 })).toThrow(/stride: expected a positive integer, got 0/);
    expect(refused({ padding: -1 })).toThrow(/padding: expected 0 or a positive integer, got -1/);
    expect(refused({ groups: 3 })).toThrow(/expected channels in 3 equal groups/);
    expect(() => conv2d(gpu, { x, weight, y, bias: gpu.borrow(y.raw, y.byteOffset, 4) }, size)).toThrow(/bias/);
  });

  test("lanes forced on a device without them", () => {
    const [x, weight, y] = Array.from(
      { length: 3 },
      () => new GpuBuffer({ size: 1 << 20, raw: undefined }, 0, 1 << 20),
    );
    const fake = { ...device(false, 32), scope: () => ({ [Symbol.dispose]() {} }) } as unknown as Gpu;
    const forced = () => conv2d(fake, { x, weight, y }, square, { variant: "lane" });
    expect(forced).toThrow(KernelError);
    expect(forced).toThrow(/expected subgroups of 4 or 8, got 32; use variant "tile"/);
  });
});

import { describe, expect, test } from "vitest";
import { KernelError } from "../../src/errors.js";
import type { Gpu, GpuBuffer } from "../../src/gpu/index.js";
import { map } from "../../src/kernels/map.js";
import { mapUnits } from "../../src/kernels/map-units.js";
import { type BandedLayout, blockUnits } from "../../src/kernels/units.js";
import { sharedGpu } from "../harness/gpu.js";

async function run(expression: string, name = "w") {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const y = gpu.allocate(16);
  map(gpu, expression, { [name]: { buffer: gpu.allocate(16) } }, { y, length: 4 });
  await gpu.sync();
}

/** The same where units are elements, and through each kernel that reduces. */
async function runUnits(expression: string, inner: number, period: number) {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const [w, y] = [gpu.allocate(65 * 4 * 4), gpu.allocate(65 * 4 * 4)];
  mapUnits(gpu, expression, { w: { buffer: w } }, { y, length: 65 * 4, inner, period });
  await gpu.sync();
}

describe("expressions that are refused, with the column", () => {
  test.each([
    ["w * q", /"q" at column 5/],
    ["w; }", /";" at column 2/],
    ["(w + 1", /the end at column 7/],
    ["w) + (1", /"\)" at column 2/],
    ["w // twice", /a comment at column 3/],
    ["", /got an empty one/],
  ])("%s", async (expression, message) => {
    await expect(run(expression)).rejects.toThrow(message);
    await expect(run(expression)).rejects.toThrow(KernelError);
  });

  test("the compiler's own message comes at the next await, placed in the expression", async () => {
    await expect(run("w +\n  max(w)")).rejects.toThrow(/map "w \+\n {2}max\(w\)": .*max.* at line 2, column 3/);
    await expect(run("w * w > 1.0")).rejects.toThrow(KernelError);
  });

  describe.each([
    ["weights", 1, 65 * 4],
    ["rows", 4, 65],
    ["columns", 1, 4],
  ])("so it is for units that are %s", (_, inner, period) => {
    test("on one line", async () => {
      await expect(runUnits("w * max(w)", inner, period)).rejects.toThrow(/map "w \* max\(w\)": .*max.* at column 5/);
    });
    test("on several lines", async () => {
      const message = /map "w \*\n {2}\(1.0 \+\n {4}max\(w\)\)": .*max.* at line 3, column 5/;
      await expect(runUnits("w *\n  (1.0 +\n    max(w))", inner, period)).rejects.toThrow(message);
    });
    test("before anything runs", async () => {
      await expect(runUnits("w * q", inner, period)).rejects.toThrow(/"q" at column 5/);
    });
  });

  test("the line does not depend on which inputs the kernel had when it was first used", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const y = gpu.allocate(16);
    for (const names of [["a"], ["a", "b", "c"], ["a", "b"]]) {
      const inputs = Object.fromEntries(names.map((name) => [name, { buffer: gpu.allocate(16) }]));
      map(gpu, "a + min(a)", inputs, { y, length: 4 });
      await expect(gpu.sync()).rejects.toThrow(/min.* at column 5/);
    }
  });

  test("an input that hides a function is refused", async () => {
    await expect(run("exp * 2", "exp")).rejects.toThrow(/input names/);
  });
});

test("an expression is compiled once", async () => {
  const gpu = await sharedGpu();
  await run("w * 0.125");
  const { pipelines } = gpu.counters;
  await run("w * 0.125");
  expect(gpu.counters.pipelines).toBe(pipelines);
});

describe("sizes and names that are refused", () => {
  test.each<[string, RegExp, (w: GpuBuffer, y: GpuBuffer, gpu: Gpu) => void]>([
    [
      "units that do not tile the tensor",
      /steps of inner x period = 5, got 16/,
      (w, y, gpu) => mapUnits(gpu, "w", { w: { buffer: w } }, { y, length: 16, inner: 1, period: 5 }),
    ],
    [
      "bands that do not tile the tensor",
      /steps of band = 6, got 16/,
      (w, y, gpu) => mapUnits(gpu, "w", { w: { buffer: w } }, { y, length: 16, inner: 1, period: 2, band: 6 }),
    ],
    [
      "too few places for the units",
      /20 elements in y, got 16/,
      (w, y, gpu) => mapUnits(gpu, "w", { w: { buffer: w } }, { y, length: 16, inner: 4, period: 4, offset: 16 }),
    ],
    [
      "an input in units that is too short",
      /17 elements in w, got 16/,
      (w, y, gpu) =>
        mapUnits(gpu, "w", { w: { buffer: w, inner: 2, period: 20 } }, { y, length: 34, inner: 34, period: 1 }),
    ],
    [
      "a name in place that is an input",
      /a name of its own/,
      (w, y, gpu) => map(gpu, "w", { w: { buffer: w } }, { y, length: 16, inPlace: "w" }),
    ],
    [
      "blocks that do not tile the matrix",
      /whole blocks of 3 x 4, got 4 x 4/,
      () => blockUnits({ rows: 4, columns: 4, blockRows: 3, blockColumns: 4 }),
    ],
  ])("%s", async (_, message, call) => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const [w, y] = [gpu.allocate(64), gpu.allocate(64)];
    expect(() => call(w, y, gpu)).toThrow(message);
  });
});

test("units take as few dispatches as a kernel of their own would", async () => {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const [w, y] = [gpu.allocate(4 * 256 * 512), gpu.allocate(4 * 256 * 512)];
  const dispatches = (layout: BandedLayout) => {
    using recording = gpu.record(() => mapUnits(gpu, "abs(w)", { w: { buffer: w } }, { y, ...layout }));
    return recording.length;
  };
  const length = 256 * 512;
  expect(dispatches({ length, inner: 1, period: length })).toBe(1); // weights
  expect(dispatches({ length, inner: 512, period: 256 })).toBe(1); // rows
  expect(dispatches({ length, inner: 1, period: 512 })).toBe(2); // columns
  expect(dispatches({ length, inner: 64 * 512, period: 4 })).toBe(2); // heads in rows
  expect(dispatches({ length, inner: 64, period: 8 })).toBe(2); // heads in columns
  expect(dispatches(blockUnits({ rows: 256, columns: 512, blockRows: 32, blockColumns: 32 }))).toBe(1);
});

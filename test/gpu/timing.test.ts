import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import { sharedGpu } from "../harness/gpu.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
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

test("profile counts every dispatch, past what one query set holds", async (context) => {
  if (!gpu.features.has("timestamp-query")) context.skip("no timestamp queries on this device");
  const x = gpu.allocate(4);
  const timings = await gpu.profile(() => {
    for (let i = 0; i < 4101; i++) fill(gpu, { y: x }, { length: 1, value: i });
  });
  expect(timings.map(({ count }) => count)).toEqual([4101]);
  expect(timings[0].milliseconds).toBeGreaterThan(0);
  expect(await gpu.profile(() => {})).toEqual([]);
  gpu.release(x);
});

test("a second profile is refused while one runs, and the first counts what is its own", async (context) => {
  if (!gpu.features.has("timestamp-query")) context.skip("no timestamp queries on this device");
  const x = gpu.allocate(4);
  const count = (times: number) => () => {
    for (let i = 0; i < times; i++) fill(gpu, { y: x }, { length: 1, value: i });
  };
  const first = gpu.profile(count(3));
  await expect(gpu.profile(count(2))).rejects.toThrow("profile: expected one at a time, got a second; ");
  expect((await first).map((timing) => timing.count)).toEqual([3]);
  expect((await gpu.profile(count(2))).map((timing) => timing.count)).toEqual([2]);
  gpu.release(x);
});

import { expect, test } from "vitest";
import { kernelRow } from "../../bench/kernel-rows.js";
import { type Effort, timeRow } from "../../bench/sampling.js";
import { fill } from "../../src/kernels/fill.js";
import { sharedGpu } from "../harness/gpu.js";
import type { KernelCase } from "../harness/kernel-case.js";

const LENGTH = 1024;
const CEILINGS = { arithmetic: 100, bandwidth: 10 };
const SHORT: Effort = { sample: 1, total: 1, samples: 3 };

function rowOf(settings: Partial<KernelCase>) {
  const test: KernelCase = {
    name: "fill",
    inputs: () => ({}),
    outputs: { out: { length: LENGTH } },
    run: (gpu, { out }) => fill(gpu, { y: out }, { length: LENGTH, value: 1 }),
    oracle: () => ({}),
    tolerance: { atol: 0, rtol: 0 },
    bytes: LENGTH * 4,
    ...settings,
  };
  return kernelRow(test, "elementwise");
}

const halfDone: KernelCase["run"] = (gpu, { out }) => fill(gpu, { y: out }, { length: LENGTH / 2, value: 1 });
const ones = () => ({ out: new Float32Array(LENGTH).fill(1) });

test("times a kernel, and counts what it takes", async () => {
  const gpu = await sharedGpu();
  const held = gpu.memory.inUse;
  const row = await timeRow(gpu, rowOf({}), CEILINGS, SHORT);
  expect(row).toMatchObject({
    name: "fill",
    family: "elementwise",
    dispatches: 1,
    bytes: 4096,
    flops: null,
    gflops: null,
  });
  expect(row.samples).toHaveLength(3);
  expect(row.milliseconds).toBe(Math.min(...row.samples));
  expect(row.median).toBe([...row.samples].sort((a, b) => a - b)[1]);
  for (const value of [row.milliseconds, row.repeats, row.api]) expect(value).toBeGreaterThan(0);
  expect(row.gigabytesPerSecond).toBeCloseTo(4096 / row.milliseconds / 1e6, 12);
  expect(row.percent).toBeCloseTo((row.gigabytesPerSecond! / CEILINGS.bandwidth) * 100, 12);
  expect(row.peakBytes).toBeGreaterThanOrEqual(4096);
  expect(row.peakBytes).toBeLessThan(8192);
  expect(gpu.memory.inUse).toBe(held);
});

test.each([
  ["part of a float output", { run: halfDone }, `got what was there at word ${LENGTH / 2}`],
  ["part of an integer output", { run: halfDone, outputs: { out: { length: LENGTH, type: "u32" } } }, "to be written"],
  ["an output in place", { inputs: ones }, "got what was there at word 0"],
] as const)("refuses to time a kernel that does not write %s", async (_, settings, message) => {
  const gpu = await sharedGpu();
  const held = gpu.memory.inUse;
  await expect(timeRow(gpu, rowOf(settings), CEILINGS, SHORT)).rejects.toThrow(message);
  expect(gpu.memory.inUse).toBe(held);
});

test("stops when it is aborted", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(timeRow(await sharedGpu(), rowOf({}), CEILINGS, SHORT, signal)).rejects.toThrow("enough");
});

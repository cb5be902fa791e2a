import { expect, test } from "vitest";
import { timeCase } from "../../bench/time-case.js";
import { fill } from "../../src/kernels/fill.js";
import { sharedGpu } from "../harness/gpu.js";
import type { KernelCase } from "../harness/kernel-case.js";

const LENGTH = 1024;

function caseOf(settings: Partial<KernelCase>): KernelCase {
  return {
    name: "fill",
    inputs: () => ({}),
    outputs: { out: { length: LENGTH } },
    run: (gpu, { out }) => fill(gpu, { y: out }, { length: LENGTH, value: 1 }),
    oracle: () => ({}),
    tolerance: { atol: 0, rtol: 0 },
    bytes: LENGTH * 4,
    ...settings,
  };
}

const halfDone: KernelCase["run"] = (gpu, { out }) => fill(gpu, { y: out }, { length: LENGTH / 2, value: 1 });
const ones = () => ({ out: new Float32Array(LENGTH).fill(1) });

test("times a kernel", async () => {
  const { milliseconds, dispatches, gigabytesPerSecond } = await timeCase(await sharedGpu(), caseOf({}));
  expect(milliseconds).toBeGreaterThan(0);
  expect(dispatches).toBe(1);
  expect(gigabytesPerSecond).toBeGreaterThan(0);
});

test.each([
  ["part of a float output", { run: halfDone }, `got what was there at word ${LENGTH / 2}`],
  ["part of an integer output", { run: halfDone, outputs: { out: { length: LENGTH, type: "u32" } } }, "to be written"],
  ["an output in place", { inputs: ones }, "got what was there at word 0"],
] as const)("refuses to time a kernel that does not write %s", async (_, settings, message) => {
  await expect(timeCase(await sharedGpu(), caseOf(settings))).rejects.toThrow(message);
});

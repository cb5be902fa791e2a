import { expect, test } from "vitest";
import { measureCeilings } from "../../bench/ceilings.js";
import { sharedGpu } from "../harness/gpu.js";

test("a device multiplies and copies, and keeps no memory of it", async () => {
  const gpu = await sharedGpu();
  const held = gpu.memory.inUse;
  const { arithmetic, bandwidth } = await measureCeilings(gpu);
  expect(arithmetic).toBeGreaterThan(0.1);
  expect(bandwidth).toBeGreaterThan(0.1);
  expect(gpu.memory.inUse).toBe(held);
});

import { expect, test } from "vitest";
import { kernelRow } from "../../bench/kernel-rows.js";
import { beyond, type Row } from "../../bench/row.js";
import { benchRow, selectRows } from "../../bench/run.js";
import { vitRows } from "../../bench/vit-rows.js";
import { sharedGpu } from "../harness/gpu.js";
import type { KernelCase } from "../harness/kernel-case.js";

const CEILINGS = { arithmetic: 100, bandwidth: 10 };
const row = (settings: Partial<Row>): Row => ({
  name: "a row",
  family: "other",
  prepare: () => Promise.reject(new Error("it does not work")),
  ...settings,
});

test("every row has a name of its own", () => {
  const names = selectRows({ full: true }).map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test("a filter chooses among kernels, shapes of ViTs and steps", () => {
  const families = selectRows({ filter: /^(softmax |ViT-Ti batch 8: attention|step: LeNet)/ }).map(
    ({ family }) => family,
  );
  expect(new Set(families)).toEqual(new Set(["rows", "attention", "step"]));
});

test("a case that counts no work is no row, whatever the filter", () => {
  expect(selectRows({ filter: /^keepTokens among tokens/, full: true })).toEqual([]);
  expect(selectRows({ filter: /^keepTokens/ }).map(({ name }) => name)).toEqual([
    "keepTokens 64x197, 137 after 1, 1000000 values",
  ]);
});

test("the full bench has all that the quick one has, and batches of 1 and 64", () => {
  const [quick, full] = [false, true].map((full) => new Set(selectRows({ full }).map(({ name }) => name)));
  expect([...quick].filter((name) => !full.has(name))).toEqual([]);
  for (const batch of [1, 64]) {
    const name = `ViT-B batch ${batch}: attention forward`;
    expect([quick.has(name), full.has(name)]).toEqual([false, true]);
  }
});

test("work of a ViT's layers is that of their products", () => {
  const fc1 = vitRows().find(({ name }) => name === "ViT-B batch 8: fc1 forward, nt 1576x3072x768")!;
  expect(fc1.flops).toBe(2 * 1576 * 3072 * 768);
  expect(fc1.bytes).toBe(4 * (1576 * 768 + 3072 * 768 + 1576 * 3072));
});

test.each([
  ["a buffer that no binding takes", { buffers: [2 ** 40] }, "a buffer of 1048576 MiB"],
  ["a feature that is not there", { needs: "no-such-feature" as GPUFeatureName }, "needs no-such-feature"],
])("leaves out %s", async (_, settings, reason) => {
  const gpu = await sharedGpu();
  expect(beyond(row(settings), gpu)).toContain(reason);
  expect(await benchRow(gpu, row(settings), CEILINGS)).toMatchObject({ name: "a row", failed: false });
});

test("leaves out a case whose inputs turn out too large", async () => {
  const gpu = await sharedGpu();
  const { maxStorageBufferBindingSize } = gpu.limits;
  const large: KernelCase = {
    name: "large",
    inputs: () => ({ x: new Float32Array(1) }),
    outputs: { y: { length: maxStorageBufferBindingSize / 4 + 1 } },
    run: () => expect.unreachable(),
    oracle: () => ({}),
    tolerance: { atol: 0, rtol: 0 },
  };
  const outcome = await benchRow(gpu, kernelRow(large, "other"), CEILINGS);
  expect(outcome).toMatchObject({ name: "large", failed: false, reason: expect.stringContaining("this device binds") });
});

test("leaves what takes long to the full bench, and says why a row fails", async () => {
  const gpu = await sharedGpu();
  const long = row({ flops: 1e13 });
  const reason = "100000 ms at the device's own limits; add --full";
  expect(await benchRow(gpu, long, CEILINGS)).toEqual({ name: "a row", reason, failed: false });
  const failed = { name: "a row", reason: "it does not work", failed: true };
  expect(await benchRow(gpu, long, CEILINGS, { full: true })).toEqual(failed);
});

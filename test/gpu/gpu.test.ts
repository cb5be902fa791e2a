import { beforeAll, expect, test } from "vitest";
import { KernelError } from "../../src/errors.js";
import { subgroupsHold } from "../../src/gpu/device.js";
import type { Gpu } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import * as shaders from "../../src/kernels/shaders.gen.js";
import { sharedGpu } from "../harness/gpu.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

test("an upload comes after what was recorded before it", async () => {
  const x = gpu.allocate(16);
  fill(gpu, { y: x }, { length: 4, value: 1 });
  gpu.upload(x, new Float32Array(4).fill(2));
  expect(await gpu.read(x)).toEqual(new Float32Array(4).fill(2));
  gpu.release(x);
});

test("uploads need not be whole words", async () => {
  const x = gpu.allocate(8);
  fill(gpu, { y: x }, { length: 2, value: 0 });
  gpu.upload(x, Uint8Array.of(1, 2, 3, 4, 5));
  expect([...(await gpu.read(x, Uint8Array))].slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
  gpu.release(x);
});

test("what is wrong with a dispatch is said before WebGPU would", () => {
  const x = gpu.allocate(64);
  const call = { buffers: { x, y: x }, params: { rows: 1, columns: 4 }, groups: 1 };
  expect(() => gpu.dispatch(shaders.softmax, call)).toThrow(/softmax: bindings x and y share one buffer/);
  const y = gpu.allocate(64);
  expect(() => gpu.dispatch(shaders.softmax, { ...call, buffers: { x, y }, groups: 0 })).toThrow(
    /softmax: .*workgroups/,
  );
  expect(() => gpu.dispatch(shaders.softmax, { ...call, buffers: { x, y }, params: { rows: -1, columns: 4 } })).toThrow(
    /expected a u32 for parameter rows, got -1/,
  );
  expect(() =>
    // @ts-expect-error a misspelt binding does not compile either
    gpu.dispatch(shaders.softmax, { ...call, buffers: { x, z: y } }),
  ).toThrow(/expected a buffer for binding y/);
  expect(() =>
    // @ts-expect-error nor does a constant that the kernel does not have
    gpu.dispatch(shaders.softmax, { ...call, buffers: { x, y }, constants: { GRUOP: 32 } }),
  ).toThrow(/softmax: expected a constant among/);
  gpu.release(x);
  gpu.release(y);
});

test("a kernel that does not compile is an error at the next await, with its label and line", async () => {
  const broken = { name: "broken", code: "fn main( {", bindings: [], params: [], constants: [] } as const;
  gpu.dispatch(broken, { buffers: {}, groups: 1 });
  await expect(gpu.sync()).rejects.toThrow(/:1:10 error[\s\S]*broken/);
  await gpu.sync();
});

test("subgroups are proved to be what kernels take for granted, and seen not to be for another size", async (context) => {
  const { subgroupSize: size = 1, description } = gpu.info;
  if (size === 1 || !gpu.features.has("subgroups")) context.skip(`${description} has no subgroups of one known size`);
  expect(await subgroupsHold(gpu.device, size)).toBe(true);
  expect(await subgroupsHold(gpu.device, size / 2)).toBe(false);
});

test("poison fills what nobody wrote", async () => {
  gpu.poison = true;
  const x = gpu.allocate(16);
  gpu.poison = false;
  expect([...(await gpu.read(x))].every(Number.isNaN)).toBe(true);
  gpu.release(x);
});

test("more groups than one dimension holds are folded", async () => {
  const length = 65_536 * 64 + 5;
  const x = gpu.allocate(length * 4);
  fill(gpu, { y: x }, { length, value: 3 });
  const all = await gpu.read(x);
  expect(all.every((value) => value === 3)).toBe(true);
  gpu.release(x);
});

test("warming up compiles once and for all", async () => {
  const before = gpu.counters.pipelines;
  const code = `const GROUP = 64u;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(GROUP) fn main() { y[0] = GROUP; }`;
  const bindings = [{ name: "y", binding: 1, access: "write" }] as const;
  const kernel = { name: "warm", code, bindings, params: [], constants: ["GROUP"] } as const;
  await gpu.warmUp([[kernel], [kernel, { GROUP: 32 }]]);
  expect(gpu.counters.pipelines).toBe(before + 2);
  const y = gpu.allocate(4);
  gpu.dispatch(kernel, { buffers: { y }, groups: 1, constants: { GROUP: 32 } });
  expect([...(await gpu.read(y, Uint32Array))]).toEqual([32]);
  expect(gpu.counters.pipelines).toBe(before + 2);
  gpu.release(y);
});

test("a kernel that does not compile while warming up is one error with its label", async () => {
  const broken = { name: "cold", code: "fn main( {", bindings: [], params: [], constants: [] } as const;
  const warming = gpu.warmUp([[broken]]);
  await expect(warming).rejects.toThrow(KernelError);
  await expect(warming).rejects.toThrow(/^cold: expected WGSL that compiles, got ".*:1:10 error/s);
  await gpu.sync();
  const explained = { ...broken, explain: () => new KernelError("in other words") };
  await expect(gpu.warmUp([[explained]])).rejects.toThrow(/^in other words$/);
  await gpu.sync();
});

/** Opens a device with all that its adapter offers, and proves with a canary kernel that it computes. */
import { platform } from "#platform";
import { GpuError } from "../errors.js";
import { label } from "./label.js";
import type { AdapterKind } from "./platform.js";

/** Matrix units are not in the standard yet: browsers offer them behind a flag. */
const WANTED_FEATURES = [
  "timestamp-query",
  "subgroups",
  "shader-f16",
  "chromium-experimental-subgroup-matrix" as GPUFeatureName,
] as const;

/**
 * The adapter that `Gpu.create` would take, software drivers included, for hosts that make a device of their own.
 * @throws GpuError with remedies when there is none.
 */
export async function openAdapter(kind?: AdapterKind): Promise<GPUAdapter> {
  const { adapter } = await platform.openAdapter(kind);
  return adapter;
}

/** A device with every limit of its adapter. @throws GpuError when the adapter refuses. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") requiredLimits[name] = value;
  }
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  try {
    return await adapter.requestDevice({ label: "secateur", requiredFeatures, requiredLimits });
  } catch (error) {
    throw new GpuError(`device: expected one from ${adapter.info.description}, got "${(error as Error).message}"`);
  }
}

const CANARY = 0x5eca7e;

/** The words that a kernel wrote, one an invocation of its only workgroup. */
async function runWords(device: GPUDevice, code: string, count: number): Promise<Uint32Array> {
  const name = label("canary");
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const words = device.createBuffer({ label: name, size: 4 * count, usage: STORAGE | COPY_SRC });
  const staging = device.createBuffer({ label: name, size: 4 * count, usage: COPY_DST | MAP_READ });
  try {
    const module = device.createShaderModule({ label: name, code });
    const pipeline = await device.createComputePipelineAsync({ label: name, layout: "auto", compute: { module } });
    const entries = [{ binding: 0, resource: { buffer: words } }];
    const encoder = device.createCommandEncoder({ label: name });
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ label: name, layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(words, 0, staging, 0, 4 * count);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    return new Uint32Array(staging.getMappedRange().slice(0));
  } finally {
    staging.destroy();
    words.destroy();
  }
}

/** Runs a kernel that writes a known word. Dawn's null backend, and drivers that drop work, leave it unwritten. @throws GpuError when they do. */
export async function runCanary(device: GPUDevice): Promise<void> {
  const code = `@group(0) @binding(0) var<storage, read_write> word: array<u32>;
@compute @workgroup_size(1) fn main() { word[0] = ${CANARY}u; }`;
  const got = await runWords(device, code, 1).then(
    ([word]) => word,
    (error: Error) => `"${error.message}"`,
  );
  if (got !== CANARY) {
    throw new GpuError(
      `device: expected the canary kernel to write ${CANARY}, got ${got}; this driver does not compute, use another adapter`,
    );
  }
}

/**
 * Whether a workgroup of `size` invocations, a power of two, is one subgroup with lanes in the order of invocations, and broadcasts, shuffles and
 * combined bits bring what lanes hold: what kernels take for granted that hand values around in a subgroup. The standard promises no such order.
 */
export async function subgroupsHold(device: GPUDevice, size: number): Promise<boolean> {
  const last = size - 1;
  const code = `enable subgroups;
@group(0) @binding(0) var<storage, read_write> words: array<u32>;
@compute @workgroup_size(${size}) fn main(@builtin(local_invocation_index) i: u32,
  @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) size: u32) {
  let held = array(size, subgroupBroadcast(i, ${last}u), subgroupShuffle(i, ${last}u - lane), subgroupOr(i), lane);
  for (var k = 0u; k < 5u; k++) { words[5u * i + k] = held[k]; }
}`;
  const words = await runWords(device, code, 5 * size).catch(() => undefined);
  const expected = Array.from({ length: size }, (_, lane) => [size, last, last - lane, last, lane]).flat();
  return words?.every((word, i) => word === expected[i]) ?? false;
}

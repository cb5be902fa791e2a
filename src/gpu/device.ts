/** Opens a device with all that its adapter offers, and proves with a canary kernel that it computes. */
import { platform } from "#platform";
import { GpuError } from "../errors.js";
import { label } from "./label.js";
import type { AdapterKind } from "./platform.js";

const WANTED_FEATURES = ["timestamp-query", "subgroups", "shader-f16"] as const;

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

/** The word that a kernel wrote. */
async function canaryWord(device: GPUDevice): Promise<number> {
  const code = `@group(0) @binding(0) var<storage, read_write> word: array<u32>;
@compute @workgroup_size(1) fn main() { word[0] = ${CANARY}u; }`;
  const name = label("canary");
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const word = device.createBuffer({ label: name, size: 4, usage: STORAGE | COPY_SRC });
  const staging = device.createBuffer({ label: name, size: 4, usage: COPY_DST | MAP_READ });
  try {
    const module = device.createShaderModule({ label: name, code });
    const pipeline = await device.createComputePipelineAsync({ label: name, layout: "auto", compute: { module } });
    const entries = [{ binding: 0, resource: { buffer: word } }];
    const encoder = device.createCommandEncoder({ label: name });
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ label: name, layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(word, 0, staging, 0, 4);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    return new Uint32Array(staging.getMappedRange())[0];
  } finally {
    staging.destroy();
    word.destroy();
  }
}

/** Runs a kernel that writes a known word. Dawn's null backend, and drivers that drop work, leave it unwritten. @throws GpuError when they do. */
export async function runCanary(device: GPUDevice): Promise<void> {
  const got = await canaryWord(device).catch((error: Error) => `"${error.message}"`);
  if (got !== CANARY) {
    throw new GpuError(
      `device: expected the canary kernel to write ${CANARY}, got ${got}; this driver does not compute, use another adapter`,
    );
  }
}

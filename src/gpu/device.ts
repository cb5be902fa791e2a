/** Opens a device with all that its adapter offers, and proves with a canary kernel that it computes. */
import { GpuError } from "../errors.js";

const WANTED_FEATURES = ["timestamp-query", "subgroups", "shader-f16"] as const;

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

/** Runs a kernel that writes a known word. Dawn's null backend, and drivers that drop work, leave it unwritten. */
export async function runCanary(device: GPUDevice): Promise<void> {
  const code = `@group(0) @binding(0) var<storage, read_write> word: array<u32>;
@compute @workgroup_size(1) fn main() { word[0] = ${CANARY}u; }`;
  const usage = GPUBufferUsage;
  const word = device.createBuffer({ size: 4, usage: usage.STORAGE | usage.COPY_SRC });
  const staging = device.createBuffer({ size: 4, usage: usage.COPY_DST | usage.MAP_READ });
  const module = device.createShaderModule({ label: "canary", code });
  const pipeline = await device.createComputePipelineAsync({ label: "canary", layout: "auto", compute: { module } });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const layout = pipeline.getBindGroupLayout(0);
  pass.setBindGroup(0, device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: word } }] }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(word, 0, staging, 0, 4);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const got = new Uint32Array(staging.getMappedRange())[0];
  staging.destroy();
  word.destroy();
  if (got !== CANARY) {
    throw new GpuError(
      `device: expected the canary kernel to write ${CANARY}, got ${got}; this driver drops work, use another adapter`,
    );
  }
}

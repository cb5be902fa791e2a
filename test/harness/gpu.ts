/** One device for all tests of a run. Its name is printed once, so that a log says what was tested. */
import { Gpu } from "../../src/gpu/index.js";

/** Skips a test where the device lacks what it needs. */
export function requireFeature(gpu: Gpu, feature: "shader-f16", context: { skip: (note: string) => void }): void {
  if (!gpu.features.has(feature)) context.skip(`${gpu.info.description} has no ${feature}`);
}

let shared: Promise<Gpu> | undefined;

export function sharedGpu(): Promise<Gpu> {
  shared ??= Gpu.create().then((gpu) => {
    console.log(`adapter: ${gpu.info.kind}: ${gpu.info.description}`);
    return gpu;
  });
  return shared;
}

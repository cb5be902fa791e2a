/** One device for all tests of a run. Its name is printed once, so that a log says what was tested. */
import { Gpu } from "../../src/gpu/index.js";

let shared: Promise<Gpu> | undefined;

export function sharedGpu(): Promise<Gpu> {
  shared ??= Gpu.create().then((gpu) => {
    console.log(`adapter: ${gpu.info.kind}: ${gpu.info.description}`);
    return gpu;
  });
  return shared;
}

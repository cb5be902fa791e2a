import type { Gpu, GpuBuffer } from "../gpu/index.js";

/** A buffer with fixed words, for kernels to read. Unlike an upload it has its place in recordings; it goes when nothing refers to it. */
export function constantTable(gpu: Gpu, words: Uint32Array): GpuBuffer {
  const size = Math.max(words.byteLength, 4);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const raw = gpu.device.createBuffer({ label: "table", size, usage, mappedAtCreation: true });
  new Uint32Array(raw.getMappedRange()).set(words);
  raw.unmap();
  return gpu.borrow(raw);
}

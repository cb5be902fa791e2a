import type { Gpu, GpuBuffer } from "../gpu/index.js";

/** A buffer with fixed words, to be copied from. Unlike an upload it has its place in recordings; it goes when nothing refers to it. */
export function constantWords(gpu: Gpu, words: Uint32Array): GpuBuffer {
  const size = Math.max(words.byteLength, 4);
  const raw = gpu.device.createBuffer({ label: "table", size, usage: GPUBufferUsage.COPY_SRC, mappedAtCreation: true });
  new Uint32Array(raw.getMappedRange()).set(words);
  raw.unmap();
  return gpu.borrow(raw);
}

/** Fixed words for kernels to read, in memory of the open scope: the same from call to call, so that bind groups are too. */
export function constantTable(gpu: Gpu, words: Uint32Array): GpuBuffer {
  const table = gpu.allocate(Math.max(words.byteLength, 4));
  gpu.copy(constantWords(gpu, words), table);
  return table;
}

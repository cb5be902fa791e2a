import type { Gpu, GpuBuffer } from "../src/gpu/index.js";

/** The buffers of a row by the names that its kernel has for them. */
export class NamedBuffers {
  readonly all: Record<string, GpuBuffer> = {};

  constructor(private readonly gpu: Gpu) {}

  /** Bytes are rounded up to whole words. */
  add(name: string, byteLength: number): GpuBuffer {
    return (this.all[name] = this.gpu.allocate(Math.ceil(byteLength / 4) * 4));
  }

  release(): void {
    for (const buffer of Object.values(this.all)) this.gpu.release(buffer);
  }
}

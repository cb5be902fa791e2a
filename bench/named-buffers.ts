import type { Gpu, GpuBuffer } from "../src/gpu/index.js";
import type { PreparedRow } from "./row.js";

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

/** What is recorded over buffers that `fill` made, ready to be repeated. They are released with it, and where making it fails. */
export function prepareOver(
  gpu: Gpu,
  fill: (buffers: NamedBuffers) => { readonly record: () => void; readonly check: () => Promise<void> },
): PreparedRow {
  const buffers = new NamedBuffers(gpu);
  try {
    const { record, check } = fill(buffers);
    const recording = gpu.record(record);
    return {
      run: () => recording.replay(),
      check,
      [Symbol.dispose]: () => {
        recording.release();
        buffers.release();
      },
    };
  } catch (error) {
    buffers.release();
    throw error;
  }
}

/** NaN for new buffers in tests, copied in on the device so that it keeps its place among recorded commands. */
import type { GpuBuffer } from "./buffer.js";
import type { CommandSink } from "./stream.js";

const CHUNK_BYTES = 1 << 20;
const NAN_WORD = 0x7fc00bad;

export class Poison {
  #source: GPUBuffer | undefined;

  constructor(private readonly device: GPUDevice) {}

  fill(buffer: GpuBuffer, sink: CommandSink): void {
    this.#source ??= this.#makeSource();
    const from = this.#source;
    for (let at = 0; at < buffer.byteLength; at += CHUNK_BYTES) {
      const byteLength = Math.min(CHUNK_BYTES, buffer.byteLength - at);
      sink.push({ kind: "copy", from, fromOffset: 0, to: buffer.raw, toOffset: buffer.byteOffset + at, byteLength });
    }
  }

  #makeSource(): GPUBuffer {
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const source = this.device.createBuffer({ label: "poison", size: CHUNK_BYTES, usage });
    this.device.queue.writeBuffer(source, 0, new Uint32Array(CHUNK_BYTES / 4).fill(NAN_WORD));
    return source;
  }

  destroy(): void {
    this.#source?.destroy();
  }
}

/** NaN for new buffers in tests, copied in on the device so that it keeps its place among recorded commands. */
import { GpuBuffer } from "./buffer.js";
import { label } from "./label.js";
import type { CommandSink } from "./stream.js";

const CHUNK_BYTES = 1 << 20;
const NAN_WORD = 0x7fc00bad;

export class Poison {
  #source: GpuBuffer | undefined;

  constructor(private readonly device: GPUDevice) {}

  fill(buffer: GpuBuffer, sink: CommandSink): void {
    this.#source ??= this.#makeSource();
    const from = this.#source;
    for (let at = 0; at < buffer.byteLength; at += CHUNK_BYTES) {
      const byteLength = Math.min(CHUNK_BYTES, buffer.byteLength - at);
      sink.push({ kind: "copy", from, fromOffset: 0, to: buffer, toOffset: at, byteLength });
    }
  }

  #makeSource(): GpuBuffer {
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const source = this.device.createBuffer({ label: label("poison"), size: CHUNK_BYTES, usage });
    this.device.queue.writeBuffer(source, 0, new Uint32Array(CHUNK_BYTES / 4).fill(NAN_WORD));
    return new GpuBuffer(source, 0, CHUNK_BYTES);
  }

  destroy(): void {
    this.#source?.raw.destroy();
  }
}

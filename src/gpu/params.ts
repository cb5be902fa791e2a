/** Uniform parameters of dispatches: packed bytes in shared chunks, addressed by dynamic offset, so that bind groups can be reused. */
import { KernelError } from "../errors.js";
import { label } from "./label.js";
import type { ShaderSource } from "./shader.js";

const CHUNK_BYTES = 64 * 1024;

interface Chunk {
  raw: GPUBuffer;
  bytes: Uint8Array<ArrayBuffer>;
  used: number;
}

/** Bytes of a shader's `Params`, rounded up to 16 as uniform buffers ask. */
export const paramsByteLength = (shader: ShaderSource): number => Math.ceil(shader.params.length / 4) * 16;

/** Lays `values` out as the WGSL struct does. Every field is four bytes, so offsets are positions. */
export function packParams(shader: ShaderSource, values: Readonly<Record<string, number | boolean>>): Uint8Array {
  const view = new DataView(new ArrayBuffer(paramsByteLength(shader)));
  shader.params.forEach(({ name, type }, index) => {
    const value = Number(values[name]);
    const wrong =
      type === "f32" ? Number.isNaN(value) && !Number.isNaN(values[name] as number) : !Number.isInteger(value);
    if (wrong || (type === "u32" && (value < 0 || value > 0xffffffff))) {
      throw new KernelError(`${shader.name}: expected a ${type} for parameter ${name}, got ${String(values[name])}`);
    }
    if (type === "u32") view.setUint32(index * 4, value, true);
    else if (type === "i32") view.setInt32(index * 4, value, true);
    else view.setFloat32(index * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}

/** Where packed parameters lie: the dynamic offset counts from the chunk's beginning. */
export interface ParamsPlace {
  readonly raw: GPUBuffer;
  readonly offset: number;
}

export class ParamsArena {
  readonly #chunks: Chunk[] = [];
  #current = 0;

  constructor(
    private readonly device: GPUDevice,
    private readonly alignment = device.limits.minUniformBufferOffsetAlignment,
  ) {}

  /** Copies parameters in and says where they will be once `write` ran. */
  add(bytes: Uint8Array): ParamsPlace {
    let chunk = this.#chunks[this.#current];
    if (!chunk || chunk.used + bytes.byteLength > CHUNK_BYTES) chunk = this.#next(chunk);
    const offset = chunk.used;
    chunk.bytes.set(bytes, offset);
    chunk.used += Math.ceil(bytes.byteLength / this.alignment) * this.alignment;
    return { raw: chunk.raw, offset };
  }

  #next(full: Chunk | undefined): Chunk {
    if (full) this.#current++;
    const existing = this.#chunks[this.#current];
    if (existing) return existing;
    const raw = this.device.createBuffer({
      label: label("params"),
      size: CHUNK_BYTES,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    const chunk = { raw, bytes: new Uint8Array(CHUNK_BYTES), used: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Sends what was added to the device. Called right before the submission that reads it. */
  write(): void {
    for (const { raw, bytes, used } of this.#chunks) {
      if (used > 0) this.device.queue.writeBuffer(raw, 0, bytes, 0, Math.min(used, CHUNK_BYTES));
    }
  }

  /** Starts again from the first chunk: safe after a submission, because later writes come after it in the queue. */
  reset(): void {
    for (const chunk of this.#chunks) chunk.used = 0;
    this.#current = 0;
  }

  destroy(): void {
    for (const { raw } of this.#chunks) raw.destroy();
    this.#chunks.length = 0;
  }
}

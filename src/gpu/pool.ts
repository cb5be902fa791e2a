/** Reuse of GPUBuffers by size class. All work of a device runs in one queue, so a buffer may be handed out again as soon as its last use is recorded. */
import { GpuError } from "../errors.js";
import { type BufferHome, GpuBuffer } from "./buffer.js";

const MIN_CLASS = 256;

const USAGE = 0x4 | 0x8 | 0x80 | 0x100; // COPY_SRC, COPY_DST, STORAGE, INDIRECT: plain numbers, as the globals may come later

/** Rounds up to four classes per power of two: at most 25% is wasted. */
function sizeClass(bytes: number): number {
  if (bytes <= MIN_CLASS) return MIN_CLASS;
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}

/** Bytes held by the pools of a device. `inUse` counts ranges that were handed out, `allocated` everything that lives on the device. */
export interface PoolStatistics {
  allocated: number;
  inUse: number;
  peak: number;
  buffers: number;
}

export const emptyStatistics = (): PoolStatistics => ({ allocated: 0, inUse: 0, peak: 0, buffers: 0 });

export class BufferPool implements BufferHome {
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #all = new Set<GPUBuffer>();
  /** Bytes handed out by this pool. */
  #inUse = 0;

  constructor(
    private readonly device: GPUDevice,
    /** Shared by all pools of a device. */
    readonly statistics: PoolStatistics,
  ) {}

  /** A range of at least 4 bytes whose content is undefined. */
  acquire(byteLength: number): GpuBuffer {
    const limit = this.device.limits.maxBufferSize;
    if (!Number.isSafeInteger(byteLength) || byteLength < 1 || byteLength > limit) {
      throw new GpuError(`buffer: expected 1 to ${limit} bytes on this device, got ${byteLength}; use smaller batches`);
    }
    const size = Math.min(sizeClass(byteLength), limit);
    const raw = this.#free.get(size)?.pop() ?? this.#create(size);
    this.#count(raw.size);
    this.statistics.peak = Math.max(this.statistics.peak, this.statistics.inUse);
    return new GpuBuffer(raw, 0, Math.ceil(byteLength / 4) * 4, this);
  }

  #create(size: number): GPUBuffer {
    const raw = this.device.createBuffer({ label: `pool ${size}`, size, usage: USAGE });
    this.#all.add(raw);
    this.statistics.allocated += size;
    this.statistics.buffers++;
    return raw;
  }

  release({ raw }: GpuBuffer): void {
    if (!this.#all.has(raw)) return; // the pool was destroyed or let go of it
    this.#count(-raw.size);
    const list = this.#free.get(raw.size);
    if (list) list.push(raw);
    else this.#free.set(raw.size, [raw]);
  }

  #count(bytes: number): void {
    this.#inUse += bytes;
    this.statistics.inUse += bytes;
  }

  #forget(raw: GPUBuffer): void {
    this.#all.delete(raw);
    this.statistics.allocated -= raw.size;
    this.statistics.buffers--;
  }

  /** Destroys what is not handed out. */
  trim(): void {
    for (const list of this.#free.values()) {
      for (const raw of list) {
        this.#forget(raw);
        raw.destroy();
      }
    }
    this.#free.clear();
  }

  /** Lets go of every buffer without destroying it, for commands whose submission this library does not see. */
  abandon(): void {
    for (const raw of this.#all) this.#forget(raw);
    this.#count(-this.#inUse);
    this.#free.clear();
  }

  /** Destroys every buffer, handed out or not. */
  destroy(): void {
    for (const raw of this.#all) {
      this.#forget(raw);
      raw.destroy();
    }
    this.#count(-this.#inUse);
    this.#free.clear();
  }
}

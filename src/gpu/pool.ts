/** Reuse of GPUBuffers by size class. All work of a device runs in one queue, so a buffer may be handed out again as soon as its last use is recorded. */
import { GpuError } from "../errors.js";
import { type BufferHome, GpuBuffer } from "./buffer.js";
import { label } from "./label.js";
import { whatIs } from "./what-is.js";

const MIN_CLASS = 256;

export const BUFFER_USAGE = 0x4 | 0x8 | 0x80; // COPY_SRC, COPY_DST, STORAGE: plain numbers, as the globals may come later

/** Rounds up to sixteen classes per power of two: at most 6.25% is wasted. */
function sizeClass(bytes: number): number {
  if (bytes <= MIN_CLASS) return MIN_CLASS;
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 5);
  return Math.ceil(bytes / step) * step;
}

/** @throws GpuError past the device's limits. */
export function checkByteLength({ limits: { maxBufferSize: limit } }: GPUDevice, byteLength: number): void {
  if (Number.isSafeInteger(byteLength) && byteLength >= 1 && byteLength <= limit) return;
  const remedy = byteLength > limit ? "use smaller batches" : "ask for whole bytes, at least one";
  throw new GpuError(`buffer: expected 1 to ${limit} bytes on this device, got ${whatIs(byteLength)}; ${remedy}`);
}

/**
 * Bytes held by the pools of a device. `inUse` counts ranges that were handed out and all memory of recordings, `allocated` everything that lives on
 * the device.
 */
export interface PoolStatistics {
  allocated: number;
  inUse: number;
  peak: number;
  buffers: number;
}

export const emptyStatistics = (): PoolStatistics => ({ allocated: 0, inUse: 0, peak: 0, buffers: 0 });

export class BufferPool implements BufferHome {
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #lent = new Set<GpuBuffer>();

  constructor(
    readonly device: GPUDevice,
    /** Shared by all pools of a device. */
    readonly statistics: PoolStatistics,
  ) {}

  /** A range of at least 4 bytes whose content is undefined. */
  acquire(byteLength: number): GpuBuffer {
    checkByteLength(this.device, byteLength);
    const size = Math.min(sizeClass(byteLength), this.device.limits.maxBufferSize);
    const raw = this.#free.get(size)?.pop() ?? this.#create(size);
    this.statistics.inUse += raw.size;
    this.statistics.peak = Math.max(this.statistics.peak, this.statistics.inUse);
    const buffer = new GpuBuffer(raw, 0, Math.ceil(byteLength / 4) * 4, this);
    this.#lent.add(buffer);
    return buffer;
  }

  #create(size: number): GPUBuffer {
    const raw = this.device.createBuffer({ label: label(`pool ${size}`), size, usage: BUFFER_USAGE });
    this.statistics.allocated += size;
    this.statistics.buffers++;
    return raw;
  }

  release(buffer: GpuBuffer): void {
    if (!this.#lent.delete(buffer)) return; // the pool let go of it
    const { raw } = buffer;
    this.statistics.inUse -= raw.size;
    const list = this.#free.get(raw.size);
    if (list) list.push(raw);
    else this.#free.set(raw.size, [raw]);
  }

  #forget(raw: GPUBuffer): void {
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
    for (const { raw } of this.#lent) {
      this.statistics.inUse -= raw.size;
      this.#forget(raw);
    }
    for (const list of this.#free.values()) for (const raw of list) this.#forget(raw);
    this.#lent.clear();
    this.#free.clear();
  }

  /** Destroys every buffer, handed out or not. */
  destroy(): void {
    for (const buffer of this.#lent) buffer.release();
    this.trim();
  }
}

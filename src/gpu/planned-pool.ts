/** Buffers of a recording: handed out without memory, which they get when the recording has ended. */
import { type BufferHome, GpuBuffer, type PlannedMemory } from "./buffer.js";
import { buffersOf, type Command } from "./command.js";
import { label } from "./label.js";
import { type Life, planMemory } from "./memory-plan.js";
import { BUFFER_USAGE, checkByteLength, type PoolStatistics } from "./pool.js";

/** Steps of a size: kernels may read up to four values past a ragged end. */
const GRANULARITY = 256;

class Planned implements PlannedMemory, Life {
  raw: GPUBuffer | undefined;
  first = Number.POSITIVE_INFINITY;
  last = -1;

  constructor(readonly size: number) {}

  use(index: number): void {
    this.first = Math.min(this.first, index);
    this.last = Math.max(this.last, index);
  }

  /** Content stays from one replay to the next. */
  pin(): void {
    this.first = 0;
    this.last = Number.POSITIVE_INFINITY;
  }
}

export class PlannedPool implements BufferHome {
  readonly #lent = new Set<GpuBuffer>();
  readonly #memories = new Set<Planned>();
  readonly #slots: GPUBuffer[] = [];

  constructor(
    readonly device: GPUDevice,
    /** Shared by all pools of a device. */
    private readonly statistics: PoolStatistics,
  ) {}

  acquire(byteLength: number): GpuBuffer {
    checkByteLength(this.device, byteLength);
    const memory = new Planned(
      Math.min(Math.ceil(byteLength / GRANULARITY) * GRANULARITY, this.device.limits.maxBufferSize),
    );
    const buffer = new GpuBuffer(memory, 0, Math.ceil(byteLength / 4) * 4, this);
    this.#memories.add(memory);
    this.#lent.add(buffer);
    return buffer;
  }

  release(buffer: GpuBuffer): void {
    this.#lent.delete(buffer);
  }

  /** Gives every buffer its place. Those that were not released while `commands` were recorded are read between replays, and share theirs with none. */
  plan(commands: readonly Command[]): void {
    commands.forEach((command, index) => {
      for (const { memory } of buffersOf(command)) if (memory instanceof Planned) memory.use(index);
    });
    for (const { memory } of this.#lent) if (memory instanceof Planned) memory.pin();
    const used = [...this.#memories].filter(({ last }) => last >= 0);
    for (const { size, tenants } of planMemory(used)) {
      const raw = this.device.createBuffer({ label: label(`planned ${size}`), size, usage: BUFFER_USAGE });
      for (const tenant of tenants) tenant.raw = raw;
      this.#slots.push(raw);
      this.#count(size, 1);
    }
  }

  #count(bytes: number, buffers: number): void {
    const { statistics } = this;
    statistics.allocated += bytes;
    statistics.inUse += bytes;
    statistics.buffers += buffers;
    statistics.peak = Math.max(statistics.peak, statistics.inUse);
  }

  /** Destroys every buffer, handed out or not. */
  destroy(): void {
    for (const buffer of [...this.#lent]) buffer.release();
    for (const raw of this.#slots) {
      this.#count(-raw.size, -1);
      raw.destroy();
    }
    this.#slots.length = 0;
    this.#memories.clear();
  }
}

/** A range of a GPUBuffer with an owner. Knows no shapes and no element types. */
import { GpuError, KernelError } from "../errors.js";

/** Takes released buffers back. */
export interface BufferHome {
  readonly device: GPUDevice;
  release(buffer: GpuBuffer): void;
}

let nextId = 1;
const ids = new WeakMap<GPUBuffer, number>();

/** A number that identifies a GPUBuffer for as long as it lives. */
export function bufferId(buffer: GPUBuffer): number {
  let id = ids.get(buffer);
  if (id === undefined) {
    id = nextId++;
    ids.set(buffer, id);
  }
  return id;
}

/** To whom a pool handed each of its GPUBuffers last. */
const tenants = new WeakMap<GPUBuffer, GpuBuffer>();

/** Memory of a recording, which gets its place on the device when the recording ends and the lives of all its buffers are known. */
export interface PlannedMemory {
  readonly size: number;
  raw: GPUBuffer | undefined;
}

/** What a GPUBuffer must have been created for, to be bound, copied from or written to: plain numbers, as the globals may come later. */
const USAGES = { COPY_SRC: 0x4, COPY_DST: 0x8, STORAGE: 0x80 };

/** What a buffer is wanted for. */
export type BufferUse = keyof typeof USAGES;

/** What an ended range is, and what to do about it, by what ended it. */
const ENDS = {
  release: "that was released; release it after its last use",
  scope: "whose scope has ended; call scope.keep(...) on what must outlive it",
};

const EVERY_USAGE = USAGES.COPY_SRC | USAGES.COPY_DST | USAGES.STORAGE;

const isPlanned = (memory: GPUBuffer | PlannedMemory): memory is PlannedMemory => "raw" in memory;

/**
 * `byteLength` bytes of `memory` from `byteOffset`. Without a home the range is borrowed and destroys nothing: from the host, or from a
 * pooled buffer, with which it ends.
 */
export class GpuBuffer {
  readonly #tenant: GpuBuffer | undefined;
  /** Read once: the host's GPUBuffer may be slow to say it. */
  private readonly usage: number;
  private readonly device: GPUDevice | undefined;
  #endedBy: keyof typeof ENDS | undefined;

  constructor(
    readonly memory: GPUBuffer | PlannedMemory,
    readonly byteOffset: number,
    readonly byteLength: number,
    private readonly home?: BufferHome,
    tenant?: GpuBuffer,
    /** For which a range of the host was borrowed; others have that of their pool. */
    device?: GPUDevice,
  ) {
    if (isPlanned(memory)) this.#tenant = tenant;
    else if (home) tenants.set(memory, this);
    else this.#tenant = tenant ?? tenants.get(memory);
    this.device = home?.device ?? this.#tenant?.device ?? device;
    this.usage = home || isPlanned(memory) ? EVERY_USAGE : (this.#tenant?.usage ?? memory.usage);
  }

  /** @throws GpuError while its recording goes on: the memory has no place yet. */
  get raw(): GPUBuffer {
    if (!isPlanned(this.memory)) return this.memory;
    if (this.memory.raw) return this.memory.raw;
    throw new GpuError(
      "buffer: expected one with a place on the device, got one of a recording that goes on; use view() for a part of it",
    );
  }

  /** Whether a dispatch that binds both binds one GPUBuffer twice. */
  sharesMemory({ memory }: GpuBuffer): boolean {
    const place = (of: GPUBuffer | PlannedMemory) => (isPlanned(of) ? (of.raw ?? of) : of);
    return place(memory) === place(this.memory);
  }

  /** Bytes from the beginning of the range to the end of the memory that it lies in: the range, and what follows it. */
  get capacity(): number {
    return this.memory.size - this.byteOffset;
  }

  /** A part of the range, with which it ends. @throws GpuError for a part past the memory's end. */
  view(byteOffset: number, byteLength: number): GpuBuffer {
    if (byteOffset < 0 || byteOffset + byteLength > this.capacity) {
      throw new GpuError(
        `view: expected a part of ${this.capacity} bytes, got ${byteOffset}+${byteLength}; correct it`,
      );
    }
    return new GpuBuffer(this.memory, this.byteOffset + byteOffset, byteLength, undefined, this);
  }

  /** False once the range went back to the pool: using it then is an error, never silent reuse. */
  get alive(): boolean {
    return this.end === undefined;
  }

  private get end(): keyof typeof ENDS | undefined {
    return this.#endedBy ?? this.#tenant?.end;
  }

  /** The pool that the memory came from; undefined when it is the host's. */
  get pool(): BufferHome | undefined {
    return this.home ?? this.#tenant?.pool;
  }

  /** Ends this range; a pooled one may be reused from now on. A second time nothing happens. */
  release(by: keyof typeof ENDS = "release"): void {
    if (this.#endedBy) return;
    this.#endedBy = by;
    this.home?.release(this);
  }

  /** @throws GpuError when the range was released. */
  assertAlive(what: string): void {
    const end = this.end;
    if (end) throw new GpuError(`${what}: expected a live buffer, got one ${ENDS[end]}`);
  }

  /** @throws KernelError when the range is of another device. */
  assertOf(device: GPUDevice, what: string, remedy = "read it there and upload it here"): void {
    if (!this.device || this.device === device) return;
    throw new KernelError(`${what}: expected a buffer of this Gpu, got one of another device; ${remedy}`);
  }

  /** @throws GpuError when the range was released. @throws KernelError when it is of another device, or was not created for this use. */
  assertUsable(what: string, device: GPUDevice, use: BufferUse): void {
    this.assertAlive(what);
    this.assertOf(device, what);
    if ((this.usage & USAGES[use]) === 0) {
      const name = this.raw.label ? `"${this.raw.label}"` : "a buffer";
      throw new KernelError(
        `${what}: expected a buffer with the usage ${use}, got ${name} without it; create it with GPUBufferUsage.${use}`,
      );
    }
  }
}

/** A range of a GPUBuffer with an owner. Knows no shapes and no element types. */
import { GpuError } from "../errors.js";

/** Takes released buffers back. */
export interface BufferHome {
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

/**
 * `byteLength` bytes of `raw` from `byteOffset`. Without a home the range is borrowed and destroys nothing: from the host, or from a
 * pooled buffer, with which it ends.
 */
export class GpuBuffer {
  readonly #tenant: GpuBuffer | undefined;
  #released = false;

  constructor(
    readonly raw: GPUBuffer,
    readonly byteOffset: number,
    readonly byteLength: number,
    private readonly home?: BufferHome,
  ) {
    if (home) tenants.set(raw, this);
    else this.#tenant = tenants.get(raw);
  }

  /** False once the range went back to the pool: using it then is an error, never silent reuse. */
  get alive(): boolean {
    return !this.#released && (this.#tenant?.alive ?? true);
  }

  /** The pool that the memory came from; undefined when it is the host's. */
  get pool(): BufferHome | undefined {
    return this.home ?? this.#tenant?.home;
  }

  /** Ends this range; a pooled one may be reused from now on. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.home?.release(this);
  }

  /** @throws GpuError when the range was released. */
  assertAlive(what: string): void {
    if (!this.alive) {
      throw new GpuError(
        `${what}: expected a live buffer, got one whose scope has ended; call scope.keep(...) on what must outlive it`,
      );
    }
  }
}

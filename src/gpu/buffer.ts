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

/** `byteLength` bytes of `raw` from `byteOffset`. Without a home the range is borrowed: it belongs to the host and is never destroyed here. */
export class GpuBuffer {
  /** False once the range went back to the pool: using it then is an error, never silent reuse. */
  alive = true;

  constructor(
    readonly raw: GPUBuffer,
    readonly byteOffset: number,
    readonly byteLength: number,
    readonly home?: BufferHome,
  ) {}

  /** Ends this range; a pooled one may be reused from now on. */
  release(): void {
    if (!this.alive) return;
    this.alive = false;
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

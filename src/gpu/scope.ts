/** Lifetimes of pooled buffers: what a scope allocates goes back to the pool when the scope ends, unless it is kept. */
import { GpuBuffer } from "./buffer.js";

/** Anything that owns buffers, such as a Tensor. */
export interface BufferOwner {
  readonly buffer: GpuBuffer;
}

export const bufferOf = (value: GpuBuffer | BufferOwner): GpuBuffer =>
  value instanceof GpuBuffer ? value : value.buffer;

/** Use as `using step = gpu.scope()`. Scopes nest; a buffer belongs to the innermost one that was open when it was made. */
export class Scope implements Disposable {
  readonly #owned = new Set<GpuBuffer>();
  #open = true;

  constructor(
    readonly parent: Scope | undefined,
    private readonly onClose: (scope: Scope) => void,
  ) {}

  get open(): boolean {
    return this.#open;
  }

  add(buffer: GpuBuffer): void {
    this.#owned.add(buffer);
  }

  /** Takes a buffer out of this scope for good: it lives until `gpu.release` or the end of the device. */
  keep<T extends BufferOwner | GpuBuffer>(value: T): T {
    this.#owned.delete(bufferOf(value));
    return value;
  }

  /** Hands a buffer to the enclosing scope (or keeps it, when there is none). */
  promote<T extends BufferOwner | GpuBuffer>(value: T): T {
    const buffer = bufferOf(value);
    if (this.#owned.delete(buffer)) this.parent?.add(buffer);
    return value;
  }

  /** Releases one buffer before the scope ends. */
  drop(buffer: GpuBuffer): boolean {
    return this.#owned.delete(buffer);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    for (const buffer of this.#owned) buffer.release();
    this.#owned.clear();
    this.onClose(this);
  }
}

/// <reference lib="esnext.disposable" preserve="true" />
/** Lifetimes of pooled buffers: what a scope allocates goes back to the pool when the scope ends, unless it is kept. */
import { KernelError } from "../errors.js";
import { GpuBuffer } from "./buffer.js";
import { whatIs } from "./what-is.js";

/** Anything that owns buffers, such as a Tensor. */
export interface BufferOwner {
  readonly buffer: GpuBuffer;
}

/** The range that an operand is or owns. @throws KernelError for anything else, such as a typed array or a GPUBuffer. */
export function bufferOf(value: GpuBuffer | BufferOwner, what = "buffer"): GpuBuffer {
  const buffer = value instanceof GpuBuffer ? value : value?.buffer;
  if (buffer instanceof GpuBuffer) return buffer;
  throw new KernelError(
    `${what}: expected a GpuBuffer or a Tensor, got ${whatIs(value)}; gpu.borrow takes a GPUBuffer, gpu.upload a typed array`,
  );
}

/** Use as `using step = gpu.scope()`. Scopes nest; a buffer belongs to the innermost one that was open when it was made. */
export class Scope implements Disposable {
  readonly #owned = new Set<GpuBuffer>();
  #open = true;

  constructor(private readonly outer: Scope | undefined) {}

  get open(): boolean {
    return this.#open;
  }

  /** The next scope outwards that has not ended: scopes may end in any order. */
  get parent(): Scope | undefined {
    return innermostOpen(this.outer);
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

  /** Ends the scope; `using` does so by itself. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const buffer of this.#owned) buffer.release("scope");
    this.#owned.clear();
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

function innermostOpen(scope: Scope | undefined): Scope | undefined {
  let open = scope;
  while (open && !open.open) open = open.parent;
  return open;
}

/** The scopes of a device. */
export class ScopeStack {
  #innermost: Scope | undefined;

  /** The scope that new buffers belong to. */
  get current(): Scope | undefined {
    return (this.#innermost = innermostOpen(this.#innermost));
  }

  enter(): Scope {
    return (this.#innermost = new Scope(this.current));
  }

  /** Releases a buffer now instead of with its scope. */
  release(buffer: GpuBuffer): void {
    for (let scope = this.current; scope; scope = scope.parent) scope.keep(buffer);
    buffer.release();
  }

  /** Runs `fn` outside of every scope. */
  outside<T>(fn: () => T): T {
    const inside = this.#innermost;
    this.#innermost = undefined;
    try {
      return fn();
    } finally {
      this.#innermost = inside;
    }
  }
}

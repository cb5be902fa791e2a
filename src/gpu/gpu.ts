/** One device and everything that works on it. Knows buffers and kernels; knows no tensors. */
import { platform } from "#platform";
import { GpuError, KernelError } from "../errors.js";
import { GpuBuffer } from "./buffer.js";
import { requestDevice, runCanary } from "./device.js";
import { type DispatchCall, prepareDispatch } from "./dispatch.js";
import { FaultLog } from "./faults.js";
import { type AdapterSummary, summarize } from "./info.js";
import { PipelineCache } from "./pipelines.js";
import type { AdapterKind } from "./platform.js";
import { Poison } from "./poison.js";
import { emptyStatistics, type PoolStatistics } from "./pool.js";
import { Recording, RecordingSink } from "./recording.js";
import { type BufferOwner, bufferOf, Scope } from "./scope.js";
import type { Constants, ShaderSource } from "./shader.js";
import { type CommandSink, CommandStream, HostSink } from "./stream.js";
import { type KernelTiming, timeDispatches } from "./timing.js";
import { readBack, type TypedArrayConstructor, writeBytes } from "./transfer.js";

/** How a device is chosen. */
export interface GpuOptions {
  /** Takes this adapter instead of looking for one. */
  readonly adapter?: GPUAdapter;
  /** Takes this kind of adapter or fails; `SECATEUR_ADAPTER` does the same from outside. */
  readonly kind?: AdapterKind;
}

/**
 * A WebGPU device with a buffer pool, a pipeline cache and one command stream. Only creating, warming up, reading back and synchronising are
 * asynchronous; everything else records. Faults of the device are thrown at the next await, with the kernel's label.
 */
export class Gpu implements Disposable {
  readonly #pipelines: PipelineCache;
  readonly #stream: CommandStream;
  readonly #faults: FaultLog;
  #scope: Scope | undefined;
  #sink: CommandSink;
  readonly #statistics = emptyStatistics();
  /** Fills every new pooled buffer with NaN, so that a kernel which leaves something unwritten shows. For tests; slow. */
  poison = false;
  readonly #poison: Poison;

  private constructor(
    readonly device: GPUDevice,
    /** Which adapter this is and why it was taken. */
    readonly info: AdapterSummary,
    private readonly ownsDevice: boolean,
  ) {
    this.#stream = new CommandStream(device, this.#statistics);
    this.#sink = this.#stream;
    this.#faults = new FaultLog(device);
    this.#pipelines = new PipelineCache(device, this.#faults);
    this.#poison = new Poison(device);
  }

  /** Opens a device: the given adapter, else a hardware GPU, else lavapipe, else SwiftShader. @throws GpuError with remedies when there is none. */
  static async create(options: GpuOptions = {}): Promise<Gpu> {
    const opened = options.adapter
      ? { adapter: options.adapter, kind: options.kind ?? ("browser" as const), reason: "the caller passed it" }
      : await platform.openAdapter(options.kind);
    const device = await requestDevice(opened.adapter);
    await runCanary(device);
    return new Gpu(device, summarize(opened.adapter.info, opened.kind, opened.reason), true);
  }

  /** Works on a device of the host, which stays the host's: `destroy` leaves it alone. */
  static from(device: GPUDevice): Gpu {
    return new Gpu(device, summarize(device.adapterInfo, "browser", "the host's device"), false);
  }

  get limits(): GPUSupportedLimits {
    return this.device.limits;
  }

  get features(): GPUSupportedFeatures {
    return this.device.features;
  }

  get memory(): Readonly<PoolStatistics> {
    return this.#statistics;
  }

  /** Counts that must not grow when a step repeats. */
  get counters(): { readonly pipelines: number; readonly bindGroups: number; readonly dispatches: number } {
    const { pipelineCount: pipelines, bindGroupCount: bindGroups } = this.#pipelines;
    return { pipelines, bindGroups, dispatches: this.#stream.dispatchCount };
  }

  /** Opens a scope: `using step = gpu.scope()`. Buffers made until it ends go back to the pool, unless kept. Do not await inside: work of others would join it. */
  scope(): Scope {
    const scope = new Scope(this.#scope, (closing) => {
      if (this.#scope === closing) this.#scope = closing.parent;
    });
    this.#scope = scope;
    return scope;
  }

  /** A buffer of `byteLength` bytes with undefined content, owned by the current scope if one is open. @throws GpuError past the device's limits. */
  allocate(byteLength: number): GpuBuffer {
    const buffer = this.#sink.pool.acquire(byteLength);
    this.#scope?.add(buffer);
    if (this.poison) this.#poison.fill(buffer, this.#sink);
    return buffer;
  }

  /** Uses a range of the host's buffer, without copying and without ever destroying it. It needs STORAGE usage, and COPY_SRC to be read back. */
  borrow(raw: GPUBuffer, byteOffset = 0, byteLength = raw.size - byteOffset): GpuBuffer {
    if (byteOffset + byteLength > raw.size) {
      throw new GpuError(
        `borrow: expected at most ${raw.size} bytes of ${raw.label || "the buffer"}, got ${byteOffset}+${byteLength}`,
      );
    }
    return new GpuBuffer(raw, byteOffset, byteLength);
  }

  /** Gives a kept buffer back to the pool. */
  release(value: GpuBuffer | BufferOwner): void {
    const buffer = bufferOf(value);
    for (let scope = this.#scope; scope; scope = scope.parent) if (scope.drop(buffer)) break;
    buffer.release();
  }

  /** Destroys pooled buffers that nobody uses. */
  trim(): void {
    this.flush();
    this.#pipelines.forgetBindGroups();
    this.#stream.pool.trim();
  }

  /** Writes host data into a buffer, after everything recorded so far. */
  upload(target: GpuBuffer, data: ArrayBufferView, byteOffset = 0): void {
    this.#refuse(
      this.#sink !== this.#stream,
      "upload: expected a call outside of record and recordInto; write inputs before",
    );
    target.assertAlive("upload");
    if (byteOffset + data.byteLength > target.byteLength) {
      throw new GpuError(`upload: expected at most ${target.byteLength} bytes, got ${byteOffset}+${data.byteLength}`);
    }
    this.flush(); // writeBuffer would overtake recorded, unsubmitted commands
    writeBytes(this.device, target, data, byteOffset);
  }

  /** Copies bytes between buffers, in steps of four. */
  copy(
    from: GpuBuffer,
    to: GpuBuffer,
    byteLength = Math.min(from.byteLength, to.byteLength),
    fromOffset = 0,
    toOffset = 0,
  ): void {
    from.assertAlive("copy");
    to.assertAlive("copy");
    this.#sink.push({
      kind: "copy",
      from: from.raw,
      fromOffset: from.byteOffset + fromOffset,
      to: to.raw,
      toOffset: to.byteOffset + toOffset,
      byteLength,
    });
  }

  /** Fills with zero bytes. */
  clear(buffer: GpuBuffer): void {
    buffer.assertAlive("clear");
    this.#sink.push({ kind: "clear", raw: buffer.raw, byteOffset: buffer.byteOffset, byteLength: buffer.byteLength });
  }

  /** Records one use of a kernel. @throws KernelError naming what is wrong with the call. */
  dispatch<S extends ShaderSource>(shader: S, call: DispatchCall<S>): void {
    this.#refuse(
      this.#faults.closed,
      `${shader.name}: expected an open device, got one after destroy(); create a new Gpu`,
    );
    this.#sink.push(prepareDispatch(shader, call, this.#pipelines, this.#sink.params, this.limits));
  }

  /** Records what `fn` dispatches without running it; each `replay()` of the result runs it. Buffers made inside belong to the recording. */
  record<T>(fn: () => T): Recording<T> {
    this.#refuse(
      this.#sink !== this.#stream,
      "record: expected a call outside of record and recordInto; recordings do not nest",
    );
    const sink = new RecordingSink(this.device, this.#statistics);
    try {
      const result = this.#withSink(sink, fn);
      return new Recording(result, sink, this.#stream, () => {
        this.flush();
        this.#pipelines.forgetBindGroups();
        sink.destroy();
      });
    } catch (error) {
      sink.destroy();
      throw error;
    }
  }

  /** Adds what `fn` dispatches to the host's encoder, which the host submits. Buffers made by `fn` are never reused by other work. */
  recordInto<T>(encoder: GPUCommandEncoder, fn: () => T): T {
    this.#refuse(this.#sink !== this.#stream, "recordInto: expected a call outside of record and recordInto");
    this.flush();
    const sink = new HostSink(this.device, encoder, this.#statistics);
    try {
      return this.#withSink(sink, fn);
    } finally {
      sink.finish();
    }
  }

  #withSink<T>(sink: CommandSink, fn: () => T): T {
    const outer = this.#scope;
    this.#scope = undefined;
    this.#sink = sink;
    try {
      return fn();
    } finally {
      this.#sink = this.#stream;
      this.#scope = outer;
    }
  }

  /** Compiles kernels in parallel before they are needed. */
  async warmUp(kernels: readonly (readonly [ShaderSource, Constants?])[]): Promise<void> {
    await Promise.all(kernels.map(([shader, constants]) => this.#pipelines.warm(shader, constants ?? {})));
    await this.sync();
  }

  /** Submits what was recorded. */
  flush(): void {
    this.#stream.flush();
  }

  /** Submits and waits for the device. @throws GpuError the first fault since the last await. */
  async sync(): Promise<void> {
    this.flush();
    await platform.settle(this.device.queue.onSubmittedWorkDone(), this.info.software);
    this.#faults.check();
  }

  /** Reads a buffer back, after everything recorded so far. */
  async read<T extends TypedArrayConstructor = Float32ArrayConstructor>(
    source: GpuBuffer | BufferOwner,
    type: T = Float32Array as unknown as T,
  ): Promise<InstanceType<T>> {
    this.#refuse(this.#sink !== this.#stream, "read: expected a call outside of record and recordInto");
    const buffer = bufferOf(source);
    buffer.assertAlive("read");
    const settle = <R>(work: Promise<R>) => platform.settle(work, this.info.software);
    const result = await readBack(this.device, this.#stream, buffer, type, settle, () => this.#faults.check());
    this.#faults.check();
    return result;
  }

  /** Times every dispatch of `fn` on the device. @throws GpuError when the device has no timestamp queries. */
  async profile(fn: () => void | Promise<void>): Promise<KernelTiming[]> {
    if (!this.features.has("timestamp-query")) {
      throw new GpuError(
        "profile: expected a device with timestamp-query, got one without; measure with sync() instead",
      );
    }
    return timeDispatches(this.device, this.#stream, async () => {
      await fn();
      await this.sync();
    });
  }

  #refuse(condition: boolean, message: string): void {
    if (condition) throw new KernelError(message);
  }

  /** Destroys every buffer made here, and the device unless it is the host's. */
  destroy(): void {
    if (this.#faults.closed) return;
    this.#faults.close();
    this.#stream.destroy();
    this.#pipelines.forgetBindGroups();
    this.#poison.destroy();
    if (this.ownsDevice) this.device.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** One device and everything that works on it. Knows buffers and kernels; knows no tensors. */
import { platform } from "#platform";
import { GpuError, UsageError } from "../errors.js";
import { type BufferUse, GpuBuffer } from "./buffer.js";
import { requestDevice, runCanary, subgroupsHold } from "./device.js";
import { type DispatchCall, prepareDispatch } from "./dispatch.js";
import { FaultLog } from "./faults.js";
import { type AdapterSummary, kindOf, summarize } from "./info.js";
import { checkOptions } from "./options.js";
import { PipelineCache } from "./pipelines.js";
import type { AdapterKind } from "./platform.js";
import { Poison } from "./poison.js";
import { emptyStatistics, type PoolStatistics } from "./pool.js";
import { Recorder } from "./recorder.js";
import type { Recording } from "./recording.js";
import { type BufferOwner, bufferOf, type Scope, ScopeStack } from "./scope.js";
import type { Constants, ShaderSource } from "./shader.js";
import { callSynchronously, type Synchronous } from "./synchronous.js";
import { type KernelTiming, timeDispatches } from "./timing.js";
import { copyCommand, readBack, type TypedArrayConstructor, writeBytes } from "./transfer.js";
import { assertTuning, Deferred, type Tuning } from "./tuning.js";
import { whatIs } from "./what-is.js";

/** How a device is chosen. */
export interface GpuOptions {
  /** Takes this adapter instead of looking for one. */
  readonly adapter?: GPUAdapter;
  /** Takes this kind of adapter or fails; `SECATEUR_ADAPTER` does the same from outside. */
  readonly kind?: AdapterKind;
  /** Which kernels the device likes; each proves those of products and, as it is used, attention. Without, the shipped choices, unproven. */
  readonly tuning?: Tuning;
}

/**
 * A WebGPU device with a buffer pool, a pipeline cache and one command stream. Only creating, verifying, warming up, reading back, profiling
 * and synchronising are asynchronous; everything else records. Faults of the device are thrown at the next await, with the kernel's label.
 * After `destroy`, and once the device is lost, every use is a GpuError.
 */
export class Gpu implements Disposable {
  readonly #statistics = emptyStatistics();
  readonly #scopes = new ScopeStack();
  readonly #faults: FaultLog;
  readonly #pipelines: PipelineCache;
  readonly #recorder: Recorder;
  readonly #poison: Poison;
  readonly #deferred = new Deferred();
  /** Fills every new pooled buffer with NaN, so that a kernel which leaves something unwritten shows. For tests; slow. */
  poison = false;

  private constructor(
    readonly device: GPUDevice,
    private summary: AdapterSummary,
    private readonly ownsDevice: boolean,
  ) {
    this.#faults = new FaultLog(device, !ownsDevice);
    this.#pipelines = new PipelineCache(device, this.#faults);
    this.#recorder = new Recorder(device, this.#statistics, this.#scopes, this.#faults);
    this.#poison = new Poison(device);
  }

  /**
   * Opens a device: the given adapter, else a hardware GPU, else lavapipe, else SwiftShader.
   * @throws GpuError with remedies when there is none; UsageError for options that it does not have, and for a tuning that is none.
   */
  static async create(options: GpuOptions = {}): Promise<Gpu> {
    checkOptions("Gpu.create", options, ["adapter", "kind", "tuning"]);
    const { adapter: given, kind, tuning } = options;
    if (given && typeof given.requestDevice !== "function") {
      throw new UsageError(
        `Gpu.create: expected a GPUAdapter as adapter, got ${whatIs(given)}; choose by name with kind, such as "hardware"`,
      );
    }
    assertTuning(tuning);
    const opened = given
      ? { adapter: given, kind: kind ?? kindOf(given.info), reason: "the caller passed it" }
      : await platform.openAdapter(kind);
    const device = await requestDevice(opened.adapter);
    const gpu = new Gpu(device, summarize(opened.adapter.info, opened.kind, opened.reason), true);
    try {
      await gpu.verify();
      await tuning?.prepare(gpu);
    } catch (error) {
      gpu.destroy();
      throw error;
    }
    return gpu;
  }

  /**
   * Works on a device of the host, which stays the host's: `destroy` leaves it alone, and faults that name nothing made here are not
   * thrown here. Await `verify` to know that the device computes, and that its subgroups are what the adapter says.
   */
  static from(device: GPUDevice): Gpu {
    if (typeof device?.createBuffer !== "function") {
      throw new UsageError(
        `Gpu.from: expected a GPUDevice, got ${whatIs(device)}; pass what adapter.requestDevice() resolves to, or use Gpu.create`,
      );
    }
    return new Gpu(device, summarize(device.adapterInfo, "host", "the host's device"), false);
  }

  /**
   * Proves with a small kernel that the device computes, and with another what its subgroups are: where they are not what kernels take for
   * granted, `info.subgroupSize` becomes undefined, and kernels do without. `create` has done it. It tests no kernel of products or of attention: those are
   * proven with a `tuning` only, on a device of the host by `await shippedTuning().prepare(gpu)`. @throws GpuError when the device does not compute.
   */
  async verify(): Promise<void> {
    this.#faults.assertOpen("verify");
    try {
      await runCanary(this.device);
      const { subgroupSize: size } = this.info;
      const doubted = size !== undefined && this.features.has("subgroups");
      if (doubted && !(await subgroupsHold(this.device, size)))
        this.summary = { ...this.info, subgroupSize: undefined };
    } catch (error) {
      this.#faults.check(); // a lost device says more
      throw error;
    }
  }

  /** Which adapter this is and why it was taken. */
  get info(): AdapterSummary {
    return this.summary;
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

  /** Starts `memory.peak` anew, from what is in use. */
  resetPeak(): void {
    this.#statistics.peak = this.#statistics.inUse;
  }

  /** Counts that must not grow when a step repeats. */
  get counters(): { readonly pipelines: number; readonly bindGroups: number; readonly dispatches: number } {
    const { bindGroups, dispatchCount: dispatches } = this.#recorder.stream;
    return { pipelines: this.#pipelines.count, bindGroups: bindGroups.size, dispatches };
  }

  /** Milliseconds that the host spent on encoding replays and on submitting since the device was opened. */
  get hostTime(): number {
    return this.#recorder.stream.hostTime;
  }

  /** Opens a scope: `using step = gpu.scope()`. Buffers made until it ends go back to the pool, unless kept. Do not await inside: work of others would join it. */
  scope(): Scope {
    this.#faults.assertOpen("scope");
    return this.#scopes.enter();
  }

  /** Runs `fn` as if no scope were open: what it allocates lives until it is released. */
  unscoped<T>(fn: () => Synchronous<T>): T {
    return this.#scopes.outside(() => callSynchronously<T>("unscoped", fn));
  }

  /** A buffer of `byteLength` bytes with undefined content, owned by the current scope if one is open. @throws GpuError past the device's limits. */
  allocate(byteLength: number): GpuBuffer {
    this.#faults.assertOpen("allocate");
    const { sink } = this.#recorder;
    const buffer = sink.pool.acquire(byteLength);
    this.#scopes.current?.add(buffer);
    if (this.poison) this.#poison.fill(buffer, sink);
    return buffer;
  }

  /**
   * Uses a range of the host's buffer, without copying and without ever destroying it, in whole words of 4 bytes. It needs the usage STORAGE for
   * kernels, COPY_SRC to be read back or copied from, and COPY_DST to be uploaded to, copied to or cleared: each use without its own is a
   * KernelError. Bind groups of the last dispatches (at most 512) keep such buffers from collection.
   */
  borrow(raw: GPUBuffer, byteOffset = 0, length?: number): GpuBuffer {
    if (typeof raw?.mapAsync !== "function") {
      throw new UsageError(
        `borrow: expected a GPUBuffer, got ${whatIs(raw)}; a GpuBuffer or Tensor is used as it is, view() gives a part of a GpuBuffer`,
      );
    }
    const byteLength = length ?? raw.size - byteOffset;
    const whole = [byteOffset, byteLength].every(
      (value) => Number.isSafeInteger(value) && value >= 0 && value % 4 === 0,
    );
    if (!whole || byteOffset + byteLength > raw.size) {
      throw new GpuError(
        `borrow: expected whole words among the ${raw.size} bytes of ${raw.label || "the buffer"}, got ${byteOffset}+${byteLength}; round to 4`,
      );
    }
    return new GpuBuffer(raw, byteOffset, byteLength, undefined, undefined, this.device);
  }

  /** Gives a buffer back to the pool; a second time nothing happens. @throws KernelError for a buffer of another device. */
  release(value: GpuBuffer | BufferOwner): void {
    const buffer = bufferOf(value, "release");
    buffer.assertOf(this.device, "release", "release it there");
    this.#scopes.release(buffer);
  }

  /** Destroys pooled buffers that nobody uses. */
  trim(): void {
    this.#recorder.stream.trim();
  }

  /** The range behind an operand. @throws KernelError when this device cannot use it so. */
  #range(what: string, value: GpuBuffer | BufferOwner, use: BufferUse): GpuBuffer {
    const buffer = bufferOf(value, what);
    buffer.assertUsable(what, this.device, use);
    return buffer;
  }

  /**
   * Writes the bytes of host data into a buffer, after everything recorded so far. @throws UsageError for a Float64Array, which no kernel can read.
   * @throws KernelError for a borrowed buffer without COPY_DST.
   */
  upload(target: GpuBuffer | BufferOwner, data: ArrayBufferView, byteOffset = 0): void {
    this.#faults.assertOpen("upload");
    this.#recorder.assertOutside("upload", "write inputs before");
    const buffer = this.#range("upload", target, "COPY_DST");
    this.flush(); // writeBuffer would overtake recorded, unsubmitted commands
    writeBytes(this.device, buffer, data, byteOffset);
  }

  /**
   * Copies bytes between different buffers, in steps of four; without `byteLength` as many as both ranges have from their offsets on.
   * @throws KernelError when a range is exceeded, and for borrowed buffers without COPY_SRC or COPY_DST.
   */
  copy(
    from: GpuBuffer | BufferOwner,
    to: GpuBuffer | BufferOwner,
    byteLength?: number,
    fromOffset = 0,
    toOffset = 0,
  ): void {
    this.#faults.assertOpen("copy");
    const source = this.#range("copy: source", from, "COPY_SRC");
    const target = this.#range("copy: target", to, "COPY_DST");
    this.#recorder.sink.push(copyCommand(source, target, byteLength, fromOffset, toOffset));
  }

  /** Fills with zero bytes. @throws KernelError for a borrowed buffer without COPY_DST. */
  clear(target: GpuBuffer | BufferOwner): void {
    this.#faults.assertOpen("clear");
    this.#recorder.sink.push({ kind: "clear", buffer: this.#range("clear", target, "COPY_DST") });
  }

  /**
   * Records one use of a kernel. @throws KernelError naming what is wrong with the call, or why the kernel did not compile before.
   * @throws UsageError for what is no kernel, and for options that calls do not have.
   */
  dispatch<S extends ShaderSource>(shader: S, call: DispatchCall<S>): void {
    this.#faults.assertOpen(shader?.name ?? "dispatch");
    const { sink } = this.#recorder;
    sink.push(prepareDispatch(shader, call, this.#pipelines, sink, this.device));
  }

  /**
   * Records what `fn` dispatches without running it; each `replay()` of the result runs it, in one submission. Buffers made inside belong to the
   * recording; those from outside must live as long as it is replayed. What `fn` releases, such as with a scope, shares memory with whatever is
   * needed before and after; what it does not release keeps its content between replays.
   * @throws KernelError when `fn` is asynchronous.
   */
  record<T>(fn: () => Synchronous<T>): Recording<T> {
    this.#faults.assertOpen("record");
    return this.#recorder.record<T>(fn);
  }

  /**
   * Adds what `fn` dispatches to the host's encoder, which the host submits. Buffers made by `fn` are never reused by other work.
   * @throws KernelError when `fn` is asynchronous. @throws UsageError for what is no encoder or no function.
   */
  recordInto<T>(encoder: GPUCommandEncoder, fn: () => Synchronous<T>): T {
    this.#faults.assertOpen("recordInto");
    return this.#recorder.recordInto<T>(encoder, fn);
  }

  /** Compiles kernels in parallel before they are needed, which dispatching would do one after the other. @throws KernelError for the first that does not compile. */
  async warmUp(kernels: readonly (readonly [ShaderSource, Constants?])[]): Promise<void> {
    this.#faults.assertOpen("warmUp");
    await Promise.all(kernels.map(([shader, constants]) => this.#pipelines.warm(shader, constants ?? {})));
  }

  /** Submits what was recorded. */
  flush(): void {
    this.#recorder.stream.flush();
  }

  /** Runs `job` at the end of the next `sync` or `read`: for what can only be found out by waiting. */
  atNextAwait(job: () => Promise<void>): void {
    this.#deferred.add(job);
  }

  /**
   * As `atNextAwait`, for what decides whether results may be handed over: each `sync` and `read` that ends meanwhile waits for it, and throws what it
   * throws. The job reads by the function that it is given, which does not wait.
   */
  proveAtNextAwait(job: (read: (source: GpuBuffer) => Promise<Float32Array>) => Promise<void>): void {
    this.#deferred.addProof(() => job((source) => this.#readNow(source, Float32Array)));
  }

  /** Each recording made so far throws at its next replay, for it keeps kernels that were found to compute wrongly. @param why - the message of its GpuError */
  refuseRecordings(why: string): void {
    this.#recorder.refuseRecordings(why);
  }

  /** Not amid a profile, which would count their dispatches. @param failures - of proofs, before the await */
  async #runDeferred(failures: number): Promise<void> {
    if (!this.#recorder.stream.timer) await this.#deferred.run(failures);
  }

  /** @throws the first fault since the last await, whatever the device says first. */
  async #checkFaults(): Promise<void> {
    await this.#pipelines.settled();
    this.#faults.check();
  }

  /** Submits and waits for the device. @throws GpuError the first fault since the last await. */
  async sync(): Promise<void> {
    this.#faults.assertOpen("sync");
    const { failures } = this.#deferred;
    this.flush();
    await platform.settle(this.device.queue.onSubmittedWorkDone(), this.info.software);
    await this.#checkFaults();
    await this.#runDeferred(failures);
  }

  /**
   * Reads a buffer back, after everything recorded so far. @throws UsageError for another type than those of `TypedArrayConstructor`.
   * @throws KernelError for a borrowed buffer without COPY_SRC.
   */
  async read<T extends TypedArrayConstructor = Float32ArrayConstructor>(
    source: GpuBuffer | BufferOwner,
    type: T = Float32Array as unknown as T,
  ): Promise<InstanceType<T>> {
    const { failures } = this.#deferred;
    const result = await this.#readNow(source, type);
    await this.#runDeferred(failures);
    return result;
  }

  async #readNow<T extends TypedArrayConstructor>(source: GpuBuffer | BufferOwner, type: T): Promise<InstanceType<T>> {
    this.#faults.assertOpen("read");
    this.#recorder.assertOutside("read", "read what a replay has filled");
    const buffer = this.#range("read", source, "COPY_SRC");
    const settle = <R>(work: Promise<R>) => platform.settle(work, this.info.software);
    const result = await readBack(this.device, this.#recorder.stream, buffer, type, settle, () => this.#checkFaults());
    await this.#checkFaults();
    return result;
  }

  /** Times every dispatch of `fn` on the device. @throws GpuError when the device has no timestamp queries, or while another profile runs. */
  async profile(fn: () => void | Promise<void>): Promise<KernelTiming[]> {
    this.#faults.assertOpen("profile");
    if (!this.features.has("timestamp-query")) {
      throw new GpuError(
        "profile: expected a device with timestamp-query, got one without; measure with sync() instead",
      );
    }
    if (this.#recorder.stream.timer) {
      throw new GpuError("profile: expected one at a time, got a second; await the first, or put both into one");
    }
    return timeDispatches(this.device, this.#recorder.stream, async () => {
      await fn();
      await this.sync();
    });
  }

  /** Destroys every buffer made here, and the device unless it is the host's. */
  destroy(): void {
    if (this.#faults.closed) return;
    this.#faults.close();
    this.#recorder.destroy();
    this.#poison.destroy();
    if (this.ownsDevice) this.device.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

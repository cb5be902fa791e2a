/** Where commands go: the stream encodes them into one pass until a submission is due; a recording keeps them; a host takes them. */
import { BindGroupCache } from "./bind-groups.js";
import type { GpuBuffer } from "./buffer.js";
import { type BoundCommand, bind, type Command, DispatchPass, encodeTransfer } from "./command.js";
import { label } from "./label.js";
import { ParamsArena } from "./params.js";
import { BufferPool, type PoolStatistics } from "./pool.js";

export interface CommandSink {
  readonly params: ParamsArena;
  /** Where buffers come from while this sink is the current one. */
  readonly pool: { acquire(byteLength: number): GpuBuffer };
  push(command: Command): void;
}

/** Submitting now and then lets the device begin while JavaScript is still recording. */
const DISPATCHES_PER_SUBMISSION = 512;

/** Gives each dispatch a pass of its own with timestamps. */
export interface PassTimer {
  begin(label: string): GPUComputePassTimestampWrites;
}

export class CommandStream implements CommandSink {
  readonly params: ParamsArena;
  timer: PassTimer | undefined;
  #encoder: GPUCommandEncoder | undefined;
  #pass: DispatchPass | undefined;
  #dispatches = 0;
  /** Dispatches encoded since the device was opened. */
  dispatchCount = 0;
  /** Milliseconds that replays and submissions took on the host since the device was opened. */
  hostTime = 0;

  readonly pool: BufferPool;
  readonly bindGroups: BindGroupCache;

  constructor(
    private readonly device: GPUDevice,
    statistics: PoolStatistics,
  ) {
    this.params = new ParamsArena(device);
    this.pool = new BufferPool(device, statistics);
    this.bindGroups = new BindGroupCache(device);
  }

  get #open(): GPUCommandEncoder {
    return (this.#encoder ??= this.device.createCommandEncoder({ label: label("stream") }));
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  push(command: Command): void {
    this.#encode(bind(command, this.bindGroups));
    this.#submitNowAndThen();
  }

  /** Encodes a step that was recorded. All of it goes into one submission. */
  replay(commands: readonly BoundCommand[]): void {
    const start = performance.now();
    for (const command of commands) this.#encode(command);
    this.hostTime += performance.now() - start;
    this.#submitNowAndThen();
  }

  #encode(command: BoundCommand): void {
    if (command.kind !== "dispatch") {
      this.#endPass();
      encodeTransfer(this.#open, command);
      return;
    }
    if (this.timer) {
      this.#endPass();
      const timestampWrites = this.timer.begin(command.pipeline.label);
      const pass = new DispatchPass(this.#open.beginComputePass({ timestampWrites }));
      pass.encode(command);
      pass.end();
    } else {
      this.#pass ??= new DispatchPass(this.#open.beginComputePass());
      this.#pass.encode(command);
    }
    this.dispatchCount++;
    this.#dispatches++;
  }

  #submitNowAndThen(): void {
    if (this.#dispatches >= DISPATCHES_PER_SUBMISSION) this.flush();
  }

  /** Runs `encode` on the encoder of the next submission, between passes. */
  encode<T>(encode: (encoder: GPUCommandEncoder) => T): T {
    this.#endPass();
    return encode(this.#open);
  }

  /** Submits everything that was pushed. */
  flush(): void {
    if (!this.#encoder) return;
    const start = performance.now();
    this.#endPass();
    this.params.write();
    this.device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#dispatches = 0;
    this.params.reset();
    this.hostTime += performance.now() - start;
  }

  /** Destroys pooled buffers that nobody uses. */
  trim(): void {
    this.flush();
    this.bindGroups.clear();
    this.pool.trim();
  }

  destroy(): void {
    this.#encoder = undefined;
    this.#pass = undefined;
    this.bindGroups.clear();
    this.params.destroy();
    this.pool.destroy();
  }
}

/** Where commands go: the stream encodes them into one pass until a submission is due; a recording keeps them; a host takes them. */
import { BindGroupCache } from "./bind-groups.js";
import { type Command, encodeDispatch, encodeTransfer } from "./command.js";
import { label } from "./label.js";
import { ParamsArena } from "./params.js";
import { BufferPool, type PoolStatistics } from "./pool.js";

export interface CommandSink {
  readonly params: ParamsArena;
  /** Where buffers come from while this sink is the current one. */
  readonly pool: BufferPool;
  readonly bindGroups: BindGroupCache;
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
  #pass: GPUComputePassEncoder | undefined;
  #dispatches = 0;
  /** Dispatches encoded since the device was opened. */
  dispatchCount = 0;

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
    if (command.kind !== "dispatch") {
      this.#endPass();
      encodeTransfer(this.#open, command);
      return;
    }
    if (this.timer) {
      this.#endPass();
      const pass = this.#open.beginComputePass({ timestampWrites: this.timer.begin(command.pipeline.label) });
      encodeDispatch(pass, command);
      pass.end();
    } else {
      this.#pass ??= this.#open.beginComputePass();
      encodeDispatch(this.#pass, command);
    }
    this.dispatchCount++;
    if (++this.#dispatches >= DISPATCHES_PER_SUBMISSION) this.flush();
  }

  /** Runs `encode` on the encoder of the next submission, between passes. */
  encode<T>(encode: (encoder: GPUCommandEncoder) => T): T {
    this.#endPass();
    return encode(this.#open);
  }

  /** Submits everything that was pushed. */
  flush(): void {
    if (!this.#encoder) return;
    this.#endPass();
    this.params.write();
    this.device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#dispatches = 0;
    this.params.reset();
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

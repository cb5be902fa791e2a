/** Where commands go: the stream encodes them into one pass until a submission is due; a recording keeps them. */
import { type Command, encodeDispatch, encodeTransfer } from "./command.js";
import { ParamsArena } from "./params.js";
import { BufferPool, type PoolStatistics } from "./pool.js";

export interface CommandSink {
  readonly params: ParamsArena;
  /** Where buffers come from while this sink is the current one. */
  readonly pool: BufferPool;
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

  constructor(
    private readonly device: GPUDevice,
    statistics: PoolStatistics,
  ) {
    this.params = new ParamsArena(device);
    this.pool = new BufferPool(device, statistics);
  }

  get #open(): GPUCommandEncoder {
    return (this.#encoder ??= this.device.createCommandEncoder());
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
  encode(encode: (encoder: GPUCommandEncoder) => void): void {
    this.#endPass();
    encode(this.#open);
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

  destroy(): void {
    this.#encoder = undefined;
    this.#pass = undefined;
    this.params.destroy();
    this.pool.destroy();
  }
}

/** Encodes into an encoder of the host, who submits it. Parameters are written at once: the queue runs them before the host's submission. */
export class HostSink implements CommandSink {
  readonly params: ParamsArena;
  readonly pool: BufferPool;
  #pass: GPUComputePassEncoder | undefined;

  constructor(
    device: GPUDevice,
    private readonly encoder: GPUCommandEncoder,
    statistics: PoolStatistics,
  ) {
    this.params = new ParamsArena(device);
    this.pool = new BufferPool(device, statistics);
  }

  push(command: Command): void {
    if (command.kind === "dispatch") {
      this.#pass ??= this.encoder.beginComputePass();
      encodeDispatch(this.#pass, command);
    } else {
      this.#endPass();
      encodeTransfer(this.encoder, command);
    }
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  /** Ends the pass. Buffers are let go of, not reused: the host submits them at a time that is not known here. */
  finish(): void {
    this.#endPass();
    this.params.write();
    this.pool.abandon();
  }
}

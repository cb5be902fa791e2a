/** Commands for an encoder of the host. */
import { BindGroupCache } from "./bind-groups.js";
import { type Command, encodeDispatch, encodeTransfer } from "./command.js";
import { label } from "./label.js";
import { ParamsArena } from "./params.js";
import { BufferPool, type PoolStatistics } from "./pool.js";
import type { CommandSink } from "./stream.js";

/** Encodes into an encoder of the host, who submits it. Parameters are written at once: the queue runs them before the host's submission. */
export class HostSink implements CommandSink {
  readonly params: ParamsArena;
  readonly pool: BufferPool;
  readonly bindGroups: BindGroupCache;
  #pass: GPUComputePassEncoder | undefined;

  constructor(
    device: GPUDevice,
    private readonly encoder: GPUCommandEncoder,
    statistics: PoolStatistics,
  ) {
    this.params = new ParamsArena(device);
    this.pool = new BufferPool(device, statistics);
    this.bindGroups = new BindGroupCache(device);
  }

  push(command: Command): void {
    if (command.kind === "dispatch") {
      this.#pass ??= this.encoder.beginComputePass({ label: label("recordInto") });
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

  /** Ends the pass. Buffers are let go of, not reused or destroyed: the host submits them at a time that is not known here. */
  finish(): void {
    this.#endPass();
    this.params.write();
    this.pool.abandon();
  }
}

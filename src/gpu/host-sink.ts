/** Commands for an encoder of the host. */
import { BindGroupCache } from "./bind-groups.js";
import { bind, type Command, DispatchPass, encodeTransfer } from "./command.js";
import { label } from "./label.js";
import { ParamsArena } from "./params.js";
import { BufferPool, type PoolStatistics } from "./pool.js";
import type { CommandSink } from "./stream.js";

/** Encodes into an encoder of the host, who submits it. Parameters are written at once: the queue runs them before the host's submission. */
export class HostSink implements CommandSink {
  readonly params: ParamsArena;
  readonly pool: BufferPool;
  readonly #bindGroups: BindGroupCache;
  #pass: DispatchPass | undefined;

  constructor(
    device: GPUDevice,
    private readonly encoder: GPUCommandEncoder,
    statistics: PoolStatistics,
  ) {
    this.params = new ParamsArena(device);
    this.pool = new BufferPool(device, statistics);
    this.#bindGroups = new BindGroupCache(device);
  }

  push(command: Command): void {
    const bound = bind(command, this.#bindGroups);
    if (bound.kind === "dispatch") {
      this.#pass ??= new DispatchPass(this.encoder.beginComputePass({ label: label("recordInto") }));
      this.#pass.encode(bound);
    } else {
      this.#endPass();
      encodeTransfer(this.encoder, bound);
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

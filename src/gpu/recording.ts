/** A step that was recorded once and is replayed without rebuilding anything in JavaScript. */
import { GpuError } from "../errors.js";
import type { Command } from "./command.js";
import { ParamsArena } from "./params.js";
import { BufferPool, type PoolStatistics } from "./pool.js";
import type { CommandSink } from "./stream.js";

export class RecordingSink implements CommandSink {
  readonly commands: Command[] = [];
  readonly params: ParamsArena;
  /** Buffers of the recorded commands are nobody else's: a replay must not write into what was reused since. */
  readonly pool: BufferPool;

  constructor(device: GPUDevice, statistics: PoolStatistics) {
    this.params = new ParamsArena(device);
    this.pool = new BufferPool(device, statistics);
  }

  push(command: Command): void {
    this.commands.push(command);
  }

  destroy(): void {
    this.pool.destroy();
    this.params.destroy();
  }
}

/** Made by `gpu.record`. Holds the buffers that its commands use until it is disposed. */
export class Recording<T> implements Disposable {
  #live = true;

  constructor(
    /** What the recorded function returned: tensors that each replay fills anew. */
    readonly result: T,
    private readonly sink: RecordingSink,
    private readonly target: CommandSink,
    private readonly onDispose: () => void,
  ) {
    sink.params.write();
  }

  /** Number of dispatches and copies in one replay. */
  get length(): number {
    return this.sink.commands.length;
  }

  /** Adds the recorded commands to the next submission. */
  replay(): void {
    if (!this.#live)
      throw new GpuError("recording: expected a live recording, got one that was disposed; record it again");
    for (const command of this.sink.commands) this.target.push(command);
  }

  [Symbol.dispose](): void {
    if (!this.#live) return;
    this.#live = false;
    this.onDispose();
  }
}

/** A step that was recorded once and is replayed without rebuilding anything in JavaScript. */
import { GpuError } from "../errors.js";
import { BindGroupCache } from "./bind-groups.js";
import type { GpuBuffer } from "./buffer.js";
import { type BoundCommand, bind, buffersOf, type Command } from "./command.js";
import { ParamsArena } from "./params.js";
import { assertCompiles, type Pipeline } from "./pipelines.js";
import { PlannedPool } from "./planned-pool.js";
import type { PoolStatistics } from "./pool.js";
import type { CommandSink, CommandStream } from "./stream.js";

export class RecordingSink implements CommandSink {
  readonly params: ParamsArena;
  /** Buffers of the recorded commands are nobody else's: a replay must not write into what was reused since. */
  readonly pool: PlannedPool;
  readonly #bindGroups: BindGroupCache;
  readonly #commands: Command[] = [];
  #bound: readonly BoundCommand[] = [];
  readonly #foreign = new Set<GpuBuffer>();
  readonly #pipelines = new Set<Pipeline>();
  #refusal: string | undefined;

  constructor(device: GPUDevice, statistics: PoolStatistics) {
    this.params = new ParamsArena(device);
    this.pool = new PlannedPool(device, statistics);
    this.#bindGroups = new BindGroupCache(device);
  }

  push(command: Command): void {
    this.#commands.push(command);
    if (command.kind === "dispatch") this.#pipelines.add(command.pipeline);
    for (const buffer of buffersOf(command)) if (buffer.pool !== this.pool) this.#foreign.add(buffer);
  }

  /** Ends the recording: every buffer gets its memory, and every dispatch its bind group. */
  seal(): void {
    this.pool.plan(this.#commands);
    this.#bound = this.#commands.map((command) => bind(command, this.#bindGroups));
    this.#commands.length = 0;
    this.params.write();
  }

  get commands(): readonly BoundCommand[] {
    return this.#bound;
  }

  /** From now on it is not replayable. @param why - the message of the error */
  refuse(why: string): void {
    this.#refusal ??= why;
  }

  /**
   * @throws GpuError when it was refused, and when a buffer from outside of the recording was released, and so may be somebody else's by now.
   * @throws KernelError when a kernel is known not to compile.
   */
  assertReplayable(): void {
    if (this.#refusal !== undefined) throw new GpuError(this.#refusal);
    for (const pipeline of this.#pipelines) assertCompiles(pipeline);
    for (const { alive, byteLength } of this.#foreign) {
      if (!alive) {
        throw new GpuError(
          `recording: expected the buffers that it uses to be alive, got one of ${byteLength} bytes that was released; record it again`,
        );
      }
    }
  }

  destroy(): void {
    this.#bound = [];
    this.#foreign.clear();
    this.#pipelines.clear();
    this.#bindGroups.clear();
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
    private readonly stream: CommandStream,
    private readonly onDispose: () => void,
    private readonly assertOpen: (what: string) => void,
  ) {}

  /** Number of dispatches and copies in one replay. */
  get length(): number {
    return this.sink.commands.length;
  }

  /**
   * Adds the recorded commands to the next submission.
   * @throws GpuError when a buffer from outside that they use was released since, or a kernel was found to compute wrongly after they were recorded.
   */
  replay(): void {
    this.assertOpen("recording");
    if (!this.#live) {
      throw new GpuError("recording: expected a live recording, got one that was disposed; record it again");
    }
    this.sink.assertReplayable();
    this.stream.replay(this.sink.commands);
  }

  /** Gives its buffers back; it cannot be replayed any more. `using` does so by itself. */
  release(): void {
    if (!this.#live) return;
    this.#live = false;
    this.onDispose();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

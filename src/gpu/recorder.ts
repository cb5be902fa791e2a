/** Decides where commands go: into the stream, or for the time of a callback into a recording or an encoder of the host. */
import { KernelError, UsageError } from "../errors.js";
import type { FaultLog } from "./faults.js";
import { HostSink } from "./host-sink.js";
import type { PoolStatistics } from "./pool.js";
import { Recording, RecordingSink } from "./recording.js";
import type { ScopeStack } from "./scope.js";
import { type CommandSink, CommandStream } from "./stream.js";
import { callSynchronously } from "./synchronous.js";
import { whatIs } from "./what-is.js";

export class Recorder {
  readonly stream: CommandStream;
  #sink: CommandSink;
  /** Of the recordings that were not disposed. */
  readonly #recorded = new Set<RecordingSink>();

  constructor(
    private readonly device: GPUDevice,
    private readonly statistics: PoolStatistics,
    private readonly scopes: ScopeStack,
    private readonly faults: FaultLog,
  ) {
    this.stream = new CommandStream(device, statistics);
    this.#sink = this.stream;
  }

  /** Where commands go now. */
  get sink(): CommandSink {
    return this.#sink;
  }

  /** @throws KernelError inside of `record` and `recordInto`. */
  assertOutside(what: string, remedy: string): void {
    if (this.#sink === this.stream) return;
    throw new KernelError(`${what}: expected a call outside of record and recordInto, got one inside; ${remedy}`);
  }

  record<T>(fn: () => T): Recording<T> {
    this.assertOutside("record", "recordings do not nest");
    const sink = new RecordingSink(this.device, this.statistics);
    this.#recorded.add(sink);
    const forget = () => {
      this.stream.flush(); // what was replayed has to be submitted before its buffers go
      this.#recorded.delete(sink);
      sink.destroy();
    };
    try {
      const result = this.#into(sink, () => callSynchronously("record", fn));
      sink.seal();
      return new Recording(result, sink, this.stream, forget, (what) => this.faults.assertOpen(what));
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** Recordings made so far are not replayed any more. */
  refuseRecordings(why: string): void {
    for (const sink of this.#recorded) sink.refuse(why);
  }

  recordInto<T>(encoder: GPUCommandEncoder, fn: () => T): T {
    this.assertOutside("recordInto", "call it for one encoder after the other");
    if (typeof encoder?.beginComputePass !== "function") {
      throw new UsageError(
        `recordInto: expected a GPUCommandEncoder and a function, got ${whatIs(encoder)} first; pass what device.createCommandEncoder() gives, with no pass open`,
      );
    }
    this.stream.flush();
    const sink = new HostSink(this.device, encoder, this.statistics);
    try {
      return this.#into(sink, () => callSynchronously("recordInto", fn));
    } finally {
      sink.finish();
    }
  }

  #into<T>(sink: CommandSink, fn: () => T): T {
    this.#sink = sink;
    try {
      return this.scopes.outside(fn);
    } finally {
      this.#sink = this.stream;
    }
  }

  destroy(): void {
    for (const sink of this.#recorded) sink.destroy();
    this.#recorded.clear();
    this.stream.destroy();
  }
}

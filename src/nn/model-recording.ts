/** Recorded steps that stay in agreement with the structure of their model. */
import type { BufferOwner, Gpu, Recording } from "../gpu/index.js";
import type { Synchronous } from "../gpu/synchronous.js";
import type { Model } from "./model.js";

/** Grows whenever a mask or a gate comes, goes or gives way to another. */
const structureOf = ({ parameters, gates }: Model): number => parameters.structure + gates.structure;

const ownsBuffer = (value: unknown): value is BufferOwner =>
  typeof value === "object" && value !== null && "buffer" in value;

/** Runs a step and lets go of everything but the tensors that it returns. */
function keepResult<T>(gpu: Gpu, step: () => T): T {
  using scope = gpu.scope();
  const result = step();
  const parts = typeof result === "object" && result !== null ? [result, ...Object.values(result)] : [];
  for (const owner of parts.filter(ownsBuffer)) scope.promote(owner);
  return result;
}

/**
 * A step over a model: recorded when it is first replayed, and again once masks or gates came or went. New bits in a mask need no new recording. Of the
 * buffers made in it only those of the result can be read after a replay, which is a tensor or has tensors as its properties or elements; the others
 * share memory where they are not needed at the same time.
 */
export class ModelRecording<T> implements Disposable {
  #recording: Recording<T> | undefined;
  #structure = 0;

  constructor(
    private readonly model: Model,
    private readonly record: () => Synchronous<T>,
  ) {}

  /**
   * Adds the step to the next submission. Returns what the recorded function returned: tensors that each replay fills anew.
   * @throws GpuError as a recording's `replay` does; the next one records anew.
   */
  replay(): T {
    if (this.#structure !== structureOf(this.model)) this.release();
    if (!this.#recording) {
      const { gpu } = this.model;
      this.#recording = gpu.record<T>(() => keepResult(gpu, this.record));
      this.#structure = structureOf(this.model);
    }
    return this.#replayed(this.#recording);
  }

  #replayed(recording: Recording<T>): T {
    try {
      recording.replay();
    } catch (error) {
      this.release(); // it cannot be replayed any more
      throw error;
    }
    return recording.result;
  }

  /** Gives the memory of the recording back; a later replay records anew. */
  release(): void {
    this.#recording?.release();
    this.#recording = undefined;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

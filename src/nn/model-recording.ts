/** Recorded steps that stay in agreement with the structure of their model. */
import type { Recording } from "../gpu/index.js";
import type { Synchronous } from "../gpu/synchronous.js";
import type { Model } from "./model.js";

/** Grows whenever a mask or a gate comes, goes or gives way to another. */
const structureOf = ({ parameters, gates }: Model): number => parameters.structure + gates.structure;

/** A step over a model: recorded when it is first replayed, and again once masks or gates came or went. New bits in a mask need no new recording. */
export class ModelRecording<T> implements Disposable {
  #recording: Recording<T> | undefined;
  #structure = 0;

  constructor(
    private readonly model: Model,
    private readonly record: () => Synchronous<T>,
  ) {}

  /** Adds the step to the next submission. Returns what the recorded function returned: tensors that each replay fills anew. */
  replay(): T {
    if (this.#structure !== structureOf(this.model)) this.release();
    if (!this.#recording) {
      this.#recording = this.model.gpu.record<T>(this.record);
      this.#structure = structureOf(this.model);
    }
    this.#recording.replay();
    return this.#recording.result;
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

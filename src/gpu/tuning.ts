/** The door through which a room above teaches a device which kernels it likes: this room knows none. */
import { UsageError } from "../errors.js";
import type { Gpu } from "./gpu.js";
import { whatIs } from "./what-is.js";

/** Passed to `Gpu.create`; `pinnedTuning`, `cachedTuning` and `lazyTuning` of the kernels make them. */
export interface Tuning {
  /** Called once the device was proved to compute, before anybody else has it. */
  prepare(gpu: Gpu): Promise<void>;
}

/** @throws UsageError for what is none. */
export function assertTuning(tuning: unknown): void {
  if (tuning === undefined || tuning === null || typeof (tuning as Partial<Tuning>).prepare === "function") return;
  const got = whatIs(tuning);
  const remedy =
    typeof tuning === "function" ? "call it, as cachedTuning()" : "pass one of these, or leave the option out";
  throw new UsageError(
    `Gpu.create: tuning: expected what cachedTuning(), lazyTuning(), pinnedTuning(file) or shippedTuning() returns, got ${got}; ${remedy}`,
  );
}

type Job = () => Promise<void>;

/** Work for the next await: what is found out about kernels while others only record. */
export class Deferred {
  readonly #jobs: Job[] = [];
  readonly #proofs: Job[] = [];
  #running = false;
  #proving: Promise<void> | undefined;
  #failure: unknown;
  /** How many proofs have failed. */
  failures = 0;

  add(job: Job): void {
    this.#jobs.push(job);
  }

  /** Work on which depends whether results may be handed over: all awaits wait for it, so that its own must not. */
  addProof(job: Job): void {
    this.#proofs.push(job);
  }

  /**
   * Runs what waits, one after the other. A job's own awaits do not run the next.
   * @param failures - those from before the await: whoever awaited while a proof failed is told, not only who ran it
   */
  async run(failures: number): Promise<void> {
    if (this.#proofs.length > 0) this.#proving ??= this.#prove();
    await this.#proving;
    if (this.failures !== failures) throw this.#failure;
    if (this.#running) return;
    this.#running = true;
    try {
      for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) await job();
    } finally {
      this.#running = false;
    }
  }

  /** Until the first that fails. */
  async #prove(): Promise<void> {
    try {
      for (let proof = this.#proofs.shift(); proof; proof = this.#proofs.shift()) await proof();
    } catch (error) {
      this.#failure = error;
      this.failures++;
    }
    this.#proving = undefined;
  }
}

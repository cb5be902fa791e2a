/** The door through which a room above teaches a device which kernels it likes: this room knows none. */
import type { Gpu } from "./gpu.js";

/** Passed to `Gpu.create`; `pinnedTuning`, `cachedTuning` and `lazyTuning` of the kernels make them. */
export interface Tuning {
  /** Called once the device was proved to compute, before anybody else has it. */
  prepare(gpu: Gpu): Promise<void>;
}

/** Work for the next await: what is found out about kernels while others only record. */
export class Deferred {
  readonly #jobs: (() => Promise<void>)[] = [];
  #running = false;

  add(job: () => Promise<void>): void {
    this.#jobs.push(job);
  }

  /** Runs what waits, one after the other. A job's own awaits do not run the next. */
  async run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) await job();
    } finally {
      this.#running = false;
    }
  }
}

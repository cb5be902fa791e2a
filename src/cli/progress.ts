/** One line that says what runs and how long it still takes: rewritten on a terminal, repeated now and then in a log. */
import type { TextStream } from "./host.js";

/** A forward and a backward pass take about three times as long as a forward pass. */
export const GRADIENT_COST = 3;

const TERMINAL_INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 10_000;

/** Before this part of the work, compiling kernels may have taken most of the time, which says nothing about the rest. */
const FORESEEABLE = 0.02;

/** Seconds after which there is something to say all the same. */
const PATIENCE = 60;

export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

export class Progress implements Disposable {
  readonly #start = performance.now();
  #shown = this.#start;
  #done = 0;
  /** Where the first piece of work, which compiles kernels, ended. */
  #first = { time: this.#start, done: 0 };
  #visible = false;

  /**
   * @param total - work of all stages together, in any unit; one forward pass of an image is a handy one.
   * @param budget - seconds after which the work ends even if some is left
   */
  constructor(
    private readonly stream: TextStream,
    private total: number,
    private readonly budget = Number.POSITIVE_INFINITY,
  ) {}

  /** Leaves work out that was done by an earlier run. */
  skip(work: number): void {
    this.total -= work;
  }

  /** Counts work as done and shows where the whole stands. */
  advance(work: number, label: string): void {
    this.#done = Math.min(this.total, this.#done + work);
    const now = performance.now();
    if (this.#first.done === 0) this.#first = { time: now, done: this.#done };
    if (this.#done >= this.total) return; // what follows says more than "0 s left"
    if (now - this.#shown >= (this.stream.isTTY ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS)) this.show(label);
  }

  /** Shows where the whole stands now: before a first piece of work that takes long, say. */
  show(label: string): void {
    const now = performance.now();
    this.#shown = now;
    const part = this.#done / this.total;
    const spent = (now - this.#start) / 1000;
    const foreseeable = part >= FORESEEABLE && this.#done > this.#first.done;
    const left = Math.min(foreseeable || spent >= PATIENCE ? this.#secondsLeft(now) : Infinity, this.budget - spent);
    const time = left < Infinity ? `, ${durationText(left)} left` : "";
    const line = `${label}: ${Math.floor(part * 100)}%${time}`;
    if (!this.stream.isTTY) {
      this.stream.write(`${line}\n`);
      return;
    }
    this.stream.write(`\r\x1b[K${line.slice(0, (this.stream.columns || 80) - 1)}`);
    this.#visible = true;
  }

  /** At the pace since the first piece of work or, as long as there is no other, at its own. */
  #secondsLeft(now: number): number {
    const { time, done } = this.#done > this.#first.done ? this.#first : { time: this.#start, done: 0 };
    return ((now - time) / 1000 / (this.#done - done)) * (this.total - this.#done);
  }

  /** Takes the line off a terminal, so that something else can be printed. */
  clear(): void {
    if (this.#visible) this.stream.write("\r\x1b[K");
    this.#visible = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

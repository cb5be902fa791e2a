/** Tells people what an interrupted run has left, and how to go on with it. */
import type { CommandContext } from "./host.js";

export interface SavedWork {
  /** "search". */
  readonly name: string;
  /** File or folder. */
  readonly place: string;
  /** When something is saved: "after each epoch". */
  readonly when: string;
  /** What an earlier run has left: "3 epochs". */
  readonly held?: string;
}

export const resumeNote = (place: string, held: string): string =>
  `${place} holds ${held}; the same command with --resume goes on from there`;

/** For a run that starts anew where an earlier one could go on. */
export const lossNote = (place: string): string =>
  `note: ${place} of an interrupted run will be lost; --resume goes on from it`;

/** "1 step", "2 steps". */
export const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? "" : "s"}`;

/** Tells when the signal is aborted, until disposed. */
export function onAbort(signal: AbortSignal, tell: () => void): Disposable {
  signal.addEventListener("abort", tell);
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", tell) };
}

/** Tells at the signal already: work that does not stop soon after it is left behind, and says nothing any more. */
export class SaveNotes implements Disposable {
  #held: string | undefined;
  readonly #watch: Disposable;

  constructor(
    private readonly context: Pick<CommandContext, "note" | "signal">,
    private readonly work: SavedWork,
  ) {
    this.#held = work.held;
    this.#watch = onAbort(context.signal, () => this.tell());
  }

  /** Notes what is saved from now on. A save that was under way at the signal makes what was told then untrue: it is told anew. */
  saved(held: string): void {
    this.#held = held;
    if (this.context.signal.aborted) this.tell();
  }

  tell(): void {
    const { name, place, when } = this.work;
    const nothing = `nothing of the ${name} is saved yet; it is ${when}`;
    this.context.note(this.#held ? resumeNote(place, this.#held) : nothing);
  }

  /** Waits for the work; tells what is left when it fails of itself after something was saved. */
  async during<T>(running: Promise<T>): Promise<T> {
    try {
      return await running;
    } catch (error) {
      if (!this.context.signal.aborted && this.#held !== this.work.held) this.tell();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}

/** A search under way, and the training of what is left, as they lie in the output folder, so that an interrupted run can be resumed. */
import { writeFileAtomic } from "../io/node/index.js";
import { encodeSearch, parseSearch, type SearchHooks, type SearchState } from "../prune/index.js";
import type { CommandContext } from "./host.js";
import { readSaved, statePath } from "./pruning-state.js";

/** An epoch may take hours: what was saved before this is saved anew between two steps. */
const INTERVAL_MS = 300_000;

type Hook = NonNullable<SearchHooks["onStep"]>;

/** Saves a run at the end of each epoch and now and then in between, and tells what an interruption leaves. */
export class SearchKeeper {
  #state: SearchState | undefined;
  #time = performance.now();

  private constructor(
    private readonly folder: string,
    private readonly note: CommandContext["note"],
    /** What an earlier run has left. */
    readonly found: SearchState | undefined,
  ) {
    this.#state = found;
  }

  /** @throws UsageError where there is nothing to resume; FormatError for what is no state of a search. */
  static async open(
    folder: string,
    { note, signal }: Pick<CommandContext, "note" | "signal">,
    resume = false,
  ): Promise<SearchKeeper> {
    const found = resume ? parseSearch(await readSaved(folder), statePath(folder)) : undefined;
    const keeper = new SearchKeeper(folder, note, found);
    signal.addEventListener("abort", () => keeper.tell(), { once: true });
    return keeper;
  }

  /** What was saved last. */
  get state(): SearchState | undefined {
    return this.#state;
  }

  readonly onStep: Hook = async (report, state) => {
    if (performance.now() - this.#time > INTERVAL_MS) await this.onEpoch(report, state);
  };

  readonly onEpoch: Hook = async (_, state) => {
    this.#state = await state();
    await writeFileAtomic(statePath(this.folder), encodeSearch(this.#state));
    this.#time = performance.now();
  };

  /** Says what there is to resume, if anything is. */
  tell(): void {
    if (!this.#state) {
      this.note("nothing of the search is saved yet; it is after each epoch, and every five minutes");
      return;
    }
    const { step, finetuning } = this.#state;
    const what = finetuning ? `the search and ${steps(finetuning.step)} of finetuning` : `${steps(step)} of the search`;
    this.note(`${statePath(this.folder)} holds ${what}; the same command with --resume goes on from there`);
  }
}

const steps = (count: number): string => (count === 1 ? "1 step" : `${count} steps`);

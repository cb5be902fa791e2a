/** A search under way, and the training of what is left, as they lie in the output folder, so that an interrupted run can be resumed. */
import { writeFileAtomic } from "../io/node/index.js";
import { encodeSearch, parseSearch, type SearchHooks, type SearchState } from "../prune/index.js";
import type { CommandContext } from "./host.js";
import { noteLost, readSaved, statePath } from "./pruning-state.js";
import { counted, SaveNotes } from "./save-notes.js";

/** An epoch may take hours: what was saved before this is saved anew between two steps. */
const INTERVAL_MS = 300_000;

type Hook = NonNullable<SearchHooks["onStep"]>;

/** Saves a run at the end of each epoch and now and then in between, and tells what an interruption leaves. */
export class SearchKeeper implements Disposable {
  readonly notes: SaveNotes;
  #state: SearchState | undefined;
  #time = performance.now();

  private constructor(
    private readonly folder: string,
    context: Pick<CommandContext, "note" | "signal">,
    /** What an earlier run has left. */
    readonly found: SearchState | undefined,
  ) {
    this.#state = found;
    this.notes = new SaveNotes(context, {
      name: "search",
      place: statePath(folder),
      when: "after each epoch, and every five minutes",
      held: found && heldText(found),
    });
  }

  /** @throws UsageError where there is nothing to resume; FormatError for what is no state of a search. */
  static async open(
    folder: string,
    context: Pick<CommandContext, "note" | "signal">,
    resume = false,
  ): Promise<SearchKeeper> {
    if (!resume) noteLost(folder, context.note);
    const found = resume ? parseSearch(await readSaved(folder), statePath(folder)) : undefined;
    return new SearchKeeper(folder, context, found);
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
    this.notes.saved(heldText(this.#state));
    this.#time = performance.now();
  };

  [Symbol.dispose](): void {
    this.notes[Symbol.dispose]();
  }
}

const heldText = ({ step, finetuning }: SearchState): string =>
  finetuning
    ? `the search and ${counted(finetuning.step, "step")} of finetuning`
    : `${counted(step, "step")} of the search`;

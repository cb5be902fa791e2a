/** A pruning run between two rounds as it lies in its output folder, so that an interrupted one can be resumed. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { readBytes, writeFileAtomic } from "../io/node/index.js";
import { encodeState, type Pruner, parseState } from "../prune/index.js";
import { counted, lossNote, resumeNote } from "./save-notes.js";

export const statePath = (folder: string): string => join(folder, "state.safetensors");

/** The state that an interrupted run has left. @throws UsageError where there is none. */
export async function readSaved(folder: string): Promise<Uint8Array> {
  const path = statePath(folder);
  if (existsSync(path)) return readBytes(path);
  throw new UsageError(`resume: expected ${path} of an interrupted run, got none; leave --resume out`);
}

/** Says what is lost by a run that starts anew: its first save replaces the state, or its end removes it. */
export function noteLost(folder: string, note: (text: string) => void): void {
  const path = statePath(folder);
  if (existsSync(path)) note(lossNote(path));
}

export interface StateOptions {
  readonly resume: boolean;
  /** Much is done before the first round. */
  readonly trains: boolean;
  /** Tells people what an interruption has left. */
  readonly note: (text: string) => void;
}

/**
 * Saves the run after each round but the last, and after the first training, and takes up an earlier one where asked to.
 * @throws UsageError where there is none to resume, or one of other options, model or data.
 */
export async function keepState(pruner: Pruner, folder: string, { resume, trains, note }: StateOptions): Promise<void> {
  const path = statePath(folder);
  const save = async () => writeFileAtomic(path, encodeState(await pruner.state()));
  let held = resume;
  if (resume) pruner.resume(parseState(await readSaved(folder), path));
  else noteLost(folder, note);
  pruner.on("roundStarted", async ({ round }) => {
    if (held || !trains || round > 0) return;
    await save();
    held = true;
  });
  pruner.on("roundCompleted", async () => {
    if (pruner.done) return;
    await save();
    held = true;
  });
  pruner.on("failed", () => {
    if (!held) return;
    const { round } = pruner;
    note(resumeNote(path, round === 0 ? "the first training" : counted(round, "round")));
  });
}

/** Takes the saved state away once the run is complete. */
export const dropState = (folder: string): Promise<void> => rm(statePath(folder), { force: true });

/** A pruning run between two rounds as it lies in its output folder, so that an interrupted one can be resumed. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { readBytes, writeFileAtomic } from "../io/node/index.js";
import { encodeState, type Pruner, parseState } from "../prune/index.js";

const STATE = "state.safetensors";

/**
 * Saves the run after each round but the last, and takes up an earlier one where asked to. `note` tells people what an interruption has left.
 * @throws UsageError where there is none to resume, or one of other options, model or data.
 */
export async function keepState(
  pruner: Pruner,
  folder: string,
  resume: boolean,
  note: (text: string) => void,
): Promise<void> {
  const path = join(folder, STATE);
  if (resume) {
    if (!existsSync(path)) {
      throw new UsageError(`resume: expected ${path} of an interrupted run, got none; leave --resume out`);
    }
    pruner.resume(parseState(await readBytes(path), path));
  }
  pruner.on("roundCompleted", async () => {
    if (!pruner.done) await writeFileAtomic(path, encodeState(await pruner.state()));
  });
  pruner.on("failed", () => {
    if (pruner.round > 0)
      note(`${path} holds ${pruner.round} rounds; the same command with --resume goes on from there`);
  });
}

/** Takes the saved state away once the run is complete. */
export const dropState = (folder: string): Promise<void> => rm(join(folder, STATE), { force: true });

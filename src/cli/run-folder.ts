/** The folder of a model that a run leaves: what is said there of a model before it goes when another takes its place. */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFolder } from "../io/node/index.js";

/** What a run writes beside model.safetensors and config.json. Where all of `marks` are, such a run lies there. */
interface RunFiles {
  readonly marks: readonly string[];
  readonly others: readonly string[];
}

const MODEL = ["model.safetensors", "config.json", "preprocessor_config.json"];
const PRUNED: RunFiles = { marks: ["report.json", "scores.safetensors"], others: ["masks.safetensors", "report.html"] };
const TRAINED: RunFiles = {
  marks: ["trainer.json"],
  others: ["masks.safetensors", "optimizer.safetensors", "log.jsonl"],
};

/** The files of the training that lies in a folder. */
export const trainedFiles = (folder: string): string[] =>
  [...MODEL, ...TRAINED.others, ...TRAINED.marks].filter((name) => existsSync(join(folder, name)));

/** Writes a model and what belongs to it, all files or none, and takes away what an earlier run has left beside. Other files of the folder stay. */
export async function writeRun(folder: string, files: ReadonlyMap<string, Uint8Array | string>): Promise<void> {
  const earlier = [PRUNED, TRAINED].filter(({ marks }) => marks.every((name) => existsSync(join(folder, name))));
  await writeFolder(folder, files);
  const compact = [...files.keys()].some((name) => name.startsWith("compact/"));
  if (earlier.includes(PRUNED) && !compact) await dropCompact(join(folder, "compact"));
  const names = earlier.flatMap(({ marks, others }) => [...marks, ...others]);
  for (const name of names) if (!files.has(name)) await rm(join(folder, name), { force: true });
}

/** Takes the smaller model of an earlier run away; a folder with anything else stays. */
async function dropCompact(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.sort().join() === "config.json,model.safetensors") await rm(folder, { recursive: true });
}

/** The folder of a model that a run leaves: what is said there of a model before it goes when another takes its place. */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFolder } from "../io/node/index.js";

/** What runs write beside model.safetensors and config.json. The last file of each is no other's, and tells that such a run lies there. */
const PRUNED = ["masks.safetensors", "report.json", "report.html", "scores.safetensors"];
const TRAINED = ["masks.safetensors", "optimizer.safetensors", "log.jsonl", "trainer.json"];

/** Writes a model and what belongs to it, all files or none, and takes away what an earlier run has left beside. Other files of the folder stay. */
export async function writeRun(folder: string, files: ReadonlyMap<string, Uint8Array | string>): Promise<void> {
  const earlier = [PRUNED, TRAINED].filter((names) => existsSync(join(folder, names.at(-1)!)));
  await writeFolder(folder, files);
  const compact = [...files.keys()].some((name) => name.startsWith("compact/"));
  if (earlier.includes(PRUNED) && !compact) await dropCompact(join(folder, "compact"));
  for (const name of earlier.flat()) if (!files.has(name)) await rm(join(folder, name), { force: true });
}

/** Takes the smaller model of an earlier run away; a folder with anything else stays. */
async function dropCompact(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.sort().join() === "config.json,model.safetensors") await rm(folder, { recursive: true });
}

/** Small texts that outlive the process, in the user's cache folder as the XDG base directory specification places it. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

const folder = (): string => join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "secateur");

export const cachePlace = (name: string): string => join(folder(), name);

export async function readCache(name: string): Promise<string | undefined> {
  try {
    return await readFile(cachePlace(name), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A rename is atomic: a reader, or another that writes at the same time, never meets half a file. */
export async function writeCache(name: string, text: string): Promise<void> {
  await mkdir(folder(), { recursive: true });
  const path = cachePlace(name);
  const unfinished = `${path}.${randomUUID()}`;
  try {
    await writeFile(unfinished, text);
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
}

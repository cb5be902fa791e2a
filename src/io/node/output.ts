import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { mkdir, open, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "../../errors.js";
import { writeError } from "./files.js";

/** Unfinished output that a `process.exit`, as after Ctrl-C, must not leave behind. */
const unfinished = new Set<string>();
let cleansAtExit = false;

function cleanAtExit(path: string): void {
  unfinished.add(path);
  if (cleansAtExit) return;
  cleansAtExit = true;
  process.on("exit", () => {
    for (const left of unfinished) rmSync(left, { recursive: true, force: true });
  });
}

/** Runs `write` on a temporary path in `folder`, which is gone afterwards whether it succeeds or not. */
async function withTemporary(folder: string, target: string, write: (path: string) => Promise<void>): Promise<void> {
  const temporary = join(folder, `.secateur-${randomUUID()}`);
  const created = await mkdir(folder, { recursive: true }).catch((error) => Promise.reject(writeError(error, target)));
  cleanAtExit(temporary);
  try {
    await write(temporary);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    await removeEmpty(folder, created);
    throw error instanceof UsageError ? error : writeError(error, target);
  } finally {
    unfinished.delete(temporary);
  }
}

/** Removes the folders from `folder` up to `first`, which were made for output that failed. */
async function removeEmpty(folder: string, first: string | undefined): Promise<void> {
  if (first === undefined) return;
  for (let path = resolve(folder); path.startsWith(resolve(first)); path = dirname(path)) {
    await rmdir(path).catch(() => {});
  }
}

async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(content);
    // A full disk may show only here.
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Writes a file whole or not at all: to a temporary file beside it, then renamed. Makes missing folders.
 *
 * @throws UsageError in one line for a place that cannot be written.
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  await withTemporary(dirname(path), path, async (temporary) => {
    await writeWhole(temporary, content);
    renameSync(temporary, path);
  });
}

/**
 * Writes files into a folder, all or none: everything is written to a temporary folder and moved in at the end. Other
 * files of an existing folder stay as they are. Makes missing folders.
 *
 * @param files - content by name; names may lead into folders, as "compact/config.json" does
 * @throws UsageError in one line for a place that cannot be written.
 */
export async function writeFolder(folder: string, files: ReadonlyMap<string, Uint8Array | string>): Promise<void> {
  const exists = await isExistingFolder(folder);
  await withTemporary(exists ? folder : dirname(resolve(folder)), folder, async (temporary) => {
    await mkdir(temporary);
    for (const [name, content] of files) {
      await mkdir(dirname(join(temporary, name)), { recursive: true });
      await writeWhole(join(temporary, name), content);
    }
    if (!exists) return renameSync(temporary, folder);
    for (const name of files.keys()) {
      refuseFolder(join(folder, name));
      mkdirSync(dirname(join(folder, name)), { recursive: true });
    }
    // Without awaiting, so that no signal handler runs between two renames.
    for (const name of files.keys()) renameSync(join(temporary, name), join(folder, name));
    rmSync(temporary, { recursive: true });
  });
}

/**
 * Finds out, before hours of work, that an output folder cannot be written; leaves nothing behind.
 *
 * @throws UsageError in one line.
 */
export async function checkWritableFolder(folder: string): Promise<void> {
  let existing = resolve(folder);
  while (!(await isExistingFolder(existing))) existing = dirname(existing);
  const probe = join(existing, `.secateur-${randomUUID()}`);
  try {
    await mkdir(probe);
    await rmdir(probe);
  } catch (error) {
    throw writeError(error, folder);
  }
}

/** The same for an output file. */
export async function checkWritableFile(path: string): Promise<void> {
  refuseFolder(path);
  await checkWritableFolder(dirname(path));
}

/** @throws UsageError where something that is not a folder is in the way. */
async function isExistingFolder(path: string): Promise<boolean> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw writeError(error, path);
  }
  if (!isFolder) throw new UsageError(`${path}: expected a folder for output, got a file; choose another path`);
  return true;
}

function refuseFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${path}: expected a file for output, got the folder ${basename(path)}; choose another path`);
  }
}

import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, UsageError } from "../../errors.js";

/** What each code of the operating system means to the user, and what to do. */
const explanations: Readonly<Record<string, readonly [got: string, remedy: string]>> = {
  ENOENT: ["none", "check the path"],
  EACCES: ["no permission", "change its permissions or choose another path"],
  EPERM: ["no permission", "change its permissions or choose another path"],
  EROFS: ["a read-only file system", "choose another path"],
  EISDIR: ["a folder", "give the path of a file"],
  ENOTDIR: ["a path that leads through a file", "check the path"],
  EEXIST: ["a file in its place", "choose another path"],
  ENOTEMPTY: ["a folder that something else writes to", "choose another path"],
  ENOSPC: ["a full disk", "free some space or choose another path"],
  EDQUOT: ["an exhausted disk quota", "free some space or choose another path"],
  ENAMETOOLONG: ["a name that is too long", "choose a shorter one"],
  ELOOP: ["a loop of links", "check the path"],
  EMFILE: ["too many open files", "close other programs or raise the limit"],
  ERR_FS_FILE_TOO_LARGE: ["more than 2 GiB", "split or convert the file"],
};

function explain(error: unknown, path: string, expected: string): string {
  const { code = "", message } = error as NodeJS.ErrnoException;
  const [got, remedy] = explanations[code] ?? [message ?? String(error), "see the message of the system"];
  return `${path}: expected ${expected}, got ${got}; ${remedy}`;
}

/** The error for input that cannot be read. */
export const readError = (error: unknown, path: string, expected: string): FormatError =>
  new FormatError(explain(error, path, expected), { cause: error });

/** The error for output that cannot be written. */
export const writeError = (error: unknown, path: string): UsageError =>
  new UsageError(explain(error, path, "a place that can be written"), { cause: error });

/** The bytes of a file. @throws FormatError in one line. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw readError(error, path, "a readable file");
  }
}

export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw readError(error, path, "a file or folder");
  }
}

/** Names of the visible files and folders of a folder, each in code-unit order, links followed. */
export async function listFolder(path: string): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders: string[] = [];
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    throw readError(error, path, "a readable folder");
  }
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const isFolderEntry = entry.isSymbolicLink() ? await isFolder(join(path, entry.name)) : entry.isDirectory();
    (isFolderEntry ? folders : files).push(entry.name);
  }
  return { files: files.sort(), folders: folders.sort() };
}

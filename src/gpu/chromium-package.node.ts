/** Unpacks what the npm package `@sparticuz/chromium` carries: a Vulkan loader, SwiftShader, a headless Chromium and the libraries that it needs. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, sep } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { GpuError } from "../errors.js";

const PACKAGE = "@sparticuz/chromium";
const COMPLETE = ".complete";
/** Of which SwiftShader takes 15 MB, and the Chromium of the tests 206 MB. */
const FREE_SPACE = "300 MB";

export interface UnpackedFolder {
  readonly folder: string;
  /** Of the package, which is the browser's major version. */
  readonly version: string;
}

/** The folder of the installed package; the host's own installation comes first, then this library's. */
function packageFolder(): string | undefined {
  for (const base of [join(process.cwd(), "package.json"), import.meta.url]) {
    try {
      const entry = createRequire(base).resolve(PACKAGE);
      for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
        if (existsSync(join(folder, "bin", "swiftshader.tar.br"))) return folder;
      }
    } catch {}
  }
  return undefined;
}

/** Regular files of a ustar archive: 512-byte headers with the name at 0 and the octal size at 124. */
function* tarFiles(tar: Buffer): Generator<{ name: string; data: Buffer }> {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const name = tar.toString("utf8", at, at + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(tar.toString("ascii", at + 124, at + 136), 8) || 0;
    const regular = tar[at + 156] === 0 || tar[at + 156] === 48;
    if (regular) yield { name, data: tar.subarray(at + 512, at + 512 + size) };
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** Writes `NAME.tar.br` as its files and `NAME.br` as the executable NAME. */
function unpackArchive(archive: string, folder: string): void {
  const data = brotliDecompressSync(readFileSync(archive));
  if (!archive.endsWith(".tar.br")) {
    writeFileSync(join(folder, basename(archive, ".br")), data, { mode: 0o700 });
    return;
  }
  for (const file of tarFiles(data)) {
    const path = join(folder, file.name);
    if (!path.startsWith(folder + sep)) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.data);
  }
}

/** The temporary folder is everybody's: code is only loaded from a folder that nobody else can have filled. */
function assertPrivate(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  if (uid !== process.getuid?.() || (mode & 0o22) !== 0) {
    throw new GpuError(
      `${folder}: expected a folder that only you can write, got another user's; remove it or set TMPDIR`,
    );
  }
}

/**
 * Unpacks archives of the package's `bin` folder into a private temporary folder, once per user and version.
 *
 * @param purpose - part of the folder's name.
 * @returns undefined when the package is not installed, or this is not Linux on x64.
 * @throws GpuError when the folder exists and is not private, or cannot be written.
 */
export function unpackFromChromium(purpose: string, archives: readonly string[]): UnpackedFolder | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const source = packageFolder();
  if (!source) return undefined;
  const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as { version: string };
  const folder = join(tmpdir(), `secateur-${purpose}-${version}-${process.getuid?.()}`);
  if (existsSync(folder)) assertPrivate(folder);
  if (!existsSync(join(folder, COMPLETE))) {
    unpackAll(
      archives.map((archive) => join(source, "bin", archive)),
      folder,
    );
  }
  return { folder, version };
}

/** All or nothing: what fails half-way leaves nothing behind. */
function unpackAll(archives: readonly string[], folder: string): void {
  let staging: string | undefined;
  try {
    staging = mkdtempSync(`${folder}-`);
    for (const archive of archives) unpackArchive(archive, staging);
    writeFileSync(join(staging, COMPLETE), "");
    replaceFolder(staging, folder);
  } catch (error) {
    if (staging) rmSync(staging, { recursive: true, force: true });
    const { message } = error as Error;
    throw new GpuError(
      `${folder}: expected to unpack ${PACKAGE} there, got "${message}"; set TMPDIR to a folder with ${FREE_SPACE} free`,
    );
  }
}

function replaceFolder(staging: string, folder: string): void {
  try {
    renameSync(staging, folder);
  } catch {
    // Another process was faster, or a cleaner of old files has left half a folder.
    if (!existsSync(join(folder, COMPLETE))) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(staging, folder);
    }
    rmSync(staging, { recursive: true, force: true });
  }
}

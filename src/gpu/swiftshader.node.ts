/** SwiftShader and a Vulkan loader, unpacked from the npm package `@sparticuz/chromium`, for machines without GPU and without root. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

const PACKAGE = "@sparticuz/chromium";

export interface SwiftShaderFiles {
  readonly loader: string;
  readonly icd: string;
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

/** Paths of the unpacked driver, or undefined when the package is not installed. Unpacks once per user and version. */
export function swiftShaderFiles(): SwiftShaderFiles | undefined {
  const folder = packageFolder();
  if (!folder || process.platform !== "linux" || process.arch !== "x64") return undefined;
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  const target = join(tmpdir(), `secateur-swiftshader-${version}-${userInfo().uid}`);
  if (!existsSync(target)) {
    const staging = mkdtempSync(`${target}-`);
    for (const { name, data } of tarFiles(
      brotliDecompressSync(readFileSync(join(folder, "bin", "swiftshader.tar.br"))),
    )) {
      const path = join(staging, name);
      if (!path.startsWith(staging)) continue;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, data);
    }
    try {
      renameSync(staging, target);
    } catch {
      rmSync(staging, { recursive: true, force: true }); // another process was faster
    }
  }
  return { loader: join(target, "libvulkan.so.1"), icd: join(target, "vk_swiftshader_icd.json"), version };
}

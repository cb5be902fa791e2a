/** The libraries' packages, installed where a comparison first asks for them. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../src/errors.js";

const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));

function isInstalled(folder: string): boolean {
  const wanted: Record<string, string> = readJson(join(folder, "package.json")).dependencies;
  // npm writes it last: an installation that was interrupted has none.
  const lock = join(folder, "node_modules/.package-lock.json");
  if (!existsSync(lock)) return false;
  const installed: Record<string, { version: string }> = readJson(lock).packages;
  return Object.entries(wanted).every(([name, version]) => installed[`node_modules/${name}`]?.version === version);
}

/** @throws UsageError when npm fails; the signal's reason when aborted. */
export async function installPeers(
  folder: string,
  onProgress?: (what: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (isInstalled(folder)) return;
  onProgress?.("installing the libraries, once");
  const options = ["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
  const shell = process.platform === "win32"; // npm is a script there
  await new Promise<void>((resolve, reject) => {
    execFile("npm", options, { cwd: folder, shell, signal }, (error, _, stderr) => {
      const reason = stderr.split("\n").find((line) => line.startsWith("npm error")) ?? error?.message;
      if (signal?.aborted) reject(signal.reason);
      else if (error)
        reject(
          new UsageError(
            `peers: expected their packages from npm, got "${reason}"; run it once where npm has its registry`,
          ),
        );
      else resolve();
    });
  });
}

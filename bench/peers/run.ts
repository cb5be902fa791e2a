/** Times Secateur and other libraries on one adapter, a process each, one after another. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { UsageError } from "../../src/errors.js";
import { installPeers } from "./install.js";
import type { PeerResult } from "./peer.js";
import { rows } from "./rows.js";

/** Names of `libraries/`, with the variant behind the slash. Secateur comes first. */
export const LIBRARIES = ["secateur", "tfjs", "jax", "onnxruntime/webgpu", "onnxruntime/all"] as const;

/** A library that says nothing for so long is stopped. */
const SILENCE_MS = 300_000;

export interface PeersOptions {
  /** Only rows whose name matches. */
  readonly filter?: RegExp;
  /** Only these of `LIBRARIES`; Secateur is always timed. */
  readonly peers?: readonly string[];
  /** Called after each row of each library. */
  readonly onResult?: (result: PeerResult, done: number, total: number) => void;
  /** Called with what takes a while: installing, and starting each library. */
  readonly onProgress?: (what: string) => void;
  readonly signal?: AbortSignal;
}

/** The folder with the libraries' packages, seen from this file or from `dist/`. */
function peersFolder(): string {
  const places = [".", "../bench/peers"].map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const folder = places.find((place) => existsSync(join(place, "libraries")));
  if (folder) return folder;
  throw new UsageError(
    "peers: expected a checkout of the repository, got an installed package; clone it to compare libraries",
  );
}

/**
 * Installs the libraries where that was not done yet, and times them.
 * @throws UsageError when no row matches. What goes wrong in a library is told by its results, also that it cannot be installed.
 */
export async function runPeers(options: PeersOptions = {}): Promise<PeerResult[]> {
  const { filter, peers = LIBRARIES, onResult, onProgress, signal } = options;
  const asked = rows.map(({ name }) => name).filter((name) => !filter || filter.test(name));
  if (asked.length === 0) {
    const names = rows.map(({ name }) => `"${name}"`).join(", ");
    throw new UsageError(`filter: expected a pattern that matches a row, got ${filter}; rows are ${names}`);
  }
  const folder = peersFolder();
  const chosen = LIBRARIES.filter((library) => library === "secateur" || peers.includes(library));
  const installed = await install(folder, onProgress, signal);
  const results: PeerResult[] = [];
  for (const library of chosen) {
    signal?.throwIfAborted();
    if (!installed && library !== "secateur") {
      results.push(...asked.map((row) => unmeasured(library, row, "not installed")));
      continue;
    }
    onProgress?.(`starting ${library} and warming it up, which may take a minute`);
    await runLibrary(library, folder, asked, signal, (result) => {
      results.push(result);
      onResult?.(result, results.length, chosen.length * asked.length);
    });
  }
  return results;
}

/** Whether the libraries are there; why not is told as progress. */
async function install(
  folder: string,
  onProgress: PeersOptions["onProgress"],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await installPeers(folder, onProgress, signal);
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    onProgress?.(`without other libraries: ${(error as Error).message}`);
    return false;
  }
}

const unmeasured = (peer: string, row: string, note: string): PeerResult => ({
  ...{ peer, version: "", row, note },
  ...{ samples: [], correct: false },
});

/** A process of one library. Rows that it does not live to report count as failed. */
async function runLibrary(
  library: string,
  folder: string,
  asked: readonly string[],
  signal: AbortSignal | undefined,
  onResult: (result: PeerResult) => void,
): Promise<void> {
  const program = join(folder, "../../dist/peers.js");
  const child = spawn(process.execPath, [program, library, folder, JSON.stringify(asked)], { stdio: "pipe", signal });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = lastComplaint(complaint + text);
  });
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, stopped) => resolve(stopped ? `stopped by ${stopped}` : `ended with code ${code}`));
  });
  const left = new Set(asked);
  let silent = false;
  const stopIfSilent = () =>
    setTimeout(() => {
      silent = true;
      child.kill("SIGKILL");
    }, SILENCE_MS);
  let silence = stopIfSilent();
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{"peer":')) continue; // libraries print too
    clearTimeout(silence);
    silence = stopIfSilent();
    const result: PeerResult = JSON.parse(line);
    left.delete(result.row);
    onResult(result);
  }
  clearTimeout(silence);
  const end = await ended;
  signal?.throwIfAborted();
  const reason = silent ? `no result within ${SILENCE_MS / 60_000} minutes` : `its process ${end}`;
  const note = [reason, complaint].filter(Boolean).join(": ");
  for (const row of left) onResult(unmeasured(library, row, note));
}

/** The last line that is no warning of Dawn. */
const lastComplaint = (text: string): string =>
  text
    .split("\n")
    .filter((line) => line.trim() && !line.startsWith("Warning:"))
    .at(-1)
    ?.slice(0, 200) ?? "";

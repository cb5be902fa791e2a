/**
 * The process of one library: `node peers.js LIBRARY FOLDER ROWS`, the names of rows as JSON. Gives it `navigator.gpu` with the adapter that Secateur takes, and prints a line of
 * JSON for each row.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openAdapter } from "../../src/gpu/index.js";
import { measureRow } from "./measure.js";
import { onnxModel } from "./onnx-model.js";
import type { Library, PeerResult } from "./peer.js";
import { rows } from "./rows.js";
import * as secateur from "./secateur.js";
import { warmUp } from "./warm-up.js";

/** What libraries are opened with. */
export interface Tools {
  /** The variant of the library that is timed, where it has several. */
  readonly variant: string | undefined;
  readonly onnxModel: typeof onnxModel;
}

type Opener = (tools: Tools) => Promise<Library>;

function installNavigator(): void {
  const gpu = {
    requestAdapter: () => openAdapter(),
    getPreferredCanvasFormat: () => "rgba8unorm",
    wgslLanguageFeatures: new Set<string>(),
  };
  const value = { gpu, userAgent: "Node", language: "en", hardwareConcurrency: 2 };
  // Where Node has a navigator, it cannot be assigned to.
  Object.defineProperty(globalThis, "navigator", { value, configurable: true, writable: true });
}

async function openLibrary(name: string, folder: string): Promise<Library> {
  const [file, variant] = name.split("/");
  installNavigator();
  const { open } =
    file === "secateur"
      ? secateur
      : ((await import(pathToFileURL(join(folder, "libraries", `${file}.mjs`)).href)) as { open: Opener });
  return open({ variant, onnxModel });
}

async function main(name: string, folder: string, names: readonly string[]): Promise<void> {
  const print = (result: PeerResult) => console.log(JSON.stringify(result));
  let library: Library;
  try {
    library = await openLibrary(name, folder);
  } catch (error) {
    const note = `does not start: ${(error as Error).message}`;
    for (const row of names) print({ peer: name, version: "", row, samples: [], correct: false, note });
    return;
  }
  await warmUp(library).catch(() => undefined); // what fails says so at its rows
  for (const row of rows.filter((row) => names.includes(row.name))) {
    const measured = await measureRow(library, row);
    print({ peer: name, version: library.version, row: row.name, ...measured });
  }
}

const [library, folder, names] = process.argv.slice(2);
await main(library, folder, JSON.parse(names));
// Libraries keep timers and workers.
process.exit();

/** Small work before a library's first row, for what happens only once: V8 optimises half a minute of WebAssembly, and rows of seconds run once or twice. */
import { sample } from "./measure.js";
import type { Library, Row } from "./peer.js";
import { warmUpRow } from "./rows.js";

/** Runs that bring nothing for so long end the warm-up. */
const SETTLED_MS = 2000;
/** Less is no gain. */
const GAIN = 0.8;
/** No run is begun after that. */
const LIMIT_MS = 40_000;

/** Repeats a small row until its time no longer falls. A library that cannot run it says so at its rows. */
export async function warmUp(library: Library, row: Row = warmUpRow): Promise<void> {
  const prepared = await library.prepare(row.kind, row.inputs());
  if (typeof prepared === "string") return;
  const start = performance.now();
  let [shortest, gained] = [Infinity, start];
  for (let now = start; now - gained < SETTLED_MS && now - start < LIMIT_MS; ) {
    const { wall } = await sample(library, prepared, 1, true);
    now = performance.now();
    if (wall < GAIN * shortest) [shortest, gained] = [wall, now];
  }
  prepared.release?.();
}

/** `secateur bench --peers`: other libraries on the same adapter, in processes of their own. Each row is told as it is measured. */
import { runPeers } from "../../../bench/peers/run.js";
import { peersNotes, peersTable, ratio } from "../../../bench/peers/table.js";
import { surroundings } from "../bench-surroundings.js";
import type { CommandContext, Outcome } from "../host.js";
import { textTable } from "../table.js";

/** Exit code 1 where a result of Secateur itself is wrong, or a library is not there. @throws UsageError when no row matches. */
export async function benchPeers(context: CommandContext, { filter }: { readonly filter?: RegExp }): Promise<Outcome> {
  const { note, signal } = context;
  const start = new Date();
  const measured = await runPeers({
    filter,
    signal,
    onProgress: note,
    onResult: ({ peer, row, samples, note: why = "no result" }, done, total) => {
      const outcome = samples.length > 0 ? `${Math.min(...samples).toPrecision(3)} ms` : why;
      note(`${done} of ${total}: ${peer}: ${row}: ${outcome}`);
    },
  });
  using gpu = await context.openGpu(); // the adapter that all of them had
  const peers = measured.map((result) => ({ ...result, ratio: ratio(measured, result) ?? null }));
  const text = [textTable(peersTable(measured)), ...peersNotes(measured)].join("\n");
  const failed = measured.some(({ peer, version, correct }) => version === "" || (peer === "secateur" && !correct));
  return { data: { command: "bench", ...surroundings(gpu, start), peers }, text, exitCode: failed ? 1 : 0 };
}

/** `secateur bench --peers`: other libraries on the same adapter, in processes of their own. Each row is told as it is measured. */
import { runPeers } from "../../../bench/peers/run.js";
import { peersNotes, peersTable } from "../../../bench/peers/table.js";
import type { CommandContext, Outcome } from "../host.js";
import { textTable } from "../table.js";

/** Exit code 1 where a result of Secateur itself is wrong. @throws UsageError when no row matches, or the libraries cannot be installed. */
export async function benchPeers(context: CommandContext, { filter }: { readonly filter?: RegExp }): Promise<Outcome> {
  const { note, signal } = context;
  const peers = await runPeers({
    filter,
    signal,
    onProgress: note,
    onResult: ({ peer, row, samples, note: why = "no result" }, done, total) => {
      const outcome = samples.length > 0 ? `${Math.min(...samples).toPrecision(3)} ms` : why;
      note(`${done} of ${total}: ${peer}: ${row}: ${outcome}`);
    },
  });
  const text = [textTable(peersTable(peers)), ...peersNotes(peers)].join("\n");
  const failed = peers.some(({ peer, correct }) => peer === "secateur" && !correct);
  return { data: { command: "bench", peers }, text, exitCode: failed ? 1 : 0 };
}

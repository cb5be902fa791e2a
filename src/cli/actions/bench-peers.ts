/** `secateur bench --peers`: other libraries on the same adapter, in processes of their own. */
import { runPeers } from "../../../bench/peers/run.js";
import { peersTable } from "../../../bench/peers/table.js";
import type { CommandContext, Outcome } from "../host.js";
import { textTable } from "../table.js";

export async function benchPeers(context: CommandContext, { filter }: { filter?: RegExp }): Promise<Outcome> {
  const { signal } = context;
  const results = await runPeers({
    filter,
    signal,
    onProgress: context.note,
    onResult: ({ peer, row, samples, note }) => {
      const figure = samples.length > 0 ? `${Math.min(...samples).toPrecision(3)} ms` : (note ?? "no result");
      context.note(`${peer}: ${row}: ${figure}`);
    },
  });
  return { data: { command: "bench", peers: results }, text: textTable(peersTable(results)) };
}

import { scrollTable } from "../figure.js";
import { integer, percent, scientific } from "../format.js";
import { type Markup, markup } from "../markup.js";
import type { Round } from "../types.js";

/** What each round of an iterative schedule kept. */
export function roundsTable(rounds: readonly Round[]): Markup | null {
  if (rounds.length === 0) return null;
  const head = markup`<tr><th scope="col">Round</th>${["Target density", "Density", "Kept", "Threshold"].map(
    (name) => markup`<th scope="col" class="number">${name}</th>`,
  )}</tr>`;
  const body = rounds.map(
    ({ round, targetDensity, kept, total, threshold }) =>
      markup`<tr><th scope="row">${round}</th><td class="number">${percent(targetDensity)}</td><td class="number">${percent(total > 0 ? kept / total : null)}</td><td class="number">${integer(kept)}</td><td class="number">${scientific(threshold)}</td></tr>
`,
  );
  return markup`<h3>Rounds</h3>
${scrollTable("log", "Rounds", head, body)}`;
}

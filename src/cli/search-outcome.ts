/** What `secateur prune` prints of a search: a document for programs, a table for people. */
import type { SearchResult } from "../prune/index.js";
import { integer, shortPercent } from "../report/format.js";
import { countKept, type Report } from "../report/index.js";
import { kindOf, kindsOf, unitsText } from "./describe-run.js";
import { outcomeData, resultTable } from "./prune-outcome.js";

interface UnitCounts {
  readonly kind: string;
  readonly total: number;
  readonly pruned: number;
}

/** Units that were ranked and units that went, by kind. */
const unitCounts = ({ space, kept }: SearchResult): UnitCounts[] =>
  kindsOf(space).map((kind) => {
    const groups = space.groups.filter(({ name }) => kindOf(name) === kind);
    const total = groups.reduce((sum, { units }) => sum + units, 0);
    return { kind, total, pruned: groups.reduce((left, { name }) => left - countKept(kept.get(name)!), total) };
  });

/** What is left of all values of the blocks' parameters that have masks. */
function blockPart({ masks }: SearchResult): number {
  let [total, kept] = [0, 0];
  for (const [name, { data }] of masks) {
    if (!name.startsWith("blocks.")) continue;
    total += data.length;
    kept += countKept(data);
  }
  return kept / total;
}

export const searchData = (report: Report, result: SearchResult, written: Parameters<typeof outcomeData>[1]) => ({
  ...outcomeData(report, written),
  units: unitCounts(result),
  blockDensity: blockPart(result),
});

export function searchText(report: Report, result: SearchResult, ending: readonly string[]): string {
  const units = unitCounts(result).map(
    ({ kind, total, pruned }) => `${integer(pruned)} of ${integer(total)} ${unitsText(kind)}`,
  );
  const left = `${shortPercent(blockPart(result))} of the masked layers' parameters are left`;
  const claim = `${report.runs[0].method} removed ${units.join(", ")} of ${report.model.name}; ${left}`;
  return [claim, resultTable(report), ...report.warnings, ...ending].join("\n");
}

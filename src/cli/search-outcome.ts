/** What `secateur prune` prints of a search: a document for programs, a table for people. */
import type { SearchResult } from "../prune/index.js";
import { integer, shortPercent } from "../report/format.js";
import { countKept, type Report } from "../report/index.js";
import type { DepthRecord } from "./depths.js";
import { kindOf, kindsOf } from "./describe-run.js";
import { resultTable } from "./prune-outcome.js";

interface UnitCounts {
  readonly kind: string;
  readonly total: number;
  readonly pruned: number;
}

/** Of kinds that are called by their layer. */
const PLURALS: Readonly<Record<string, string>> = { residual: "residual rows" };

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

export function searchData(
  report: Report,
  result: SearchResult,
  ending: { out: string; files: string[]; seconds: number; depths: readonly DepthRecord[] },
) {
  const { model, settings, dense, data, adapter, seed, warnings } = report;
  const { method, sparsity, parameters, flops, pruned, finetuned, compacted } = report.runs[0];
  return {
    command: "prune",
    model: model.name,
    method,
    sparsity,
    seed,
    settings,
    units: unitCounts(result),
    blockDensity: blockPart(result),
    parameters: { dense: model.parameters, pruned: parameters },
    flops: { dense: model.flops, pruned: flops },
    data,
    accuracy: { dense, pruned, finetuned },
    compacted,
    adapter,
    warnings,
    ...ending,
  };
}

export function searchText(report: Report, result: SearchResult, ending: readonly string[]): string {
  const units = unitCounts(result).map(
    ({ kind, total, pruned }) => `${integer(pruned)} of ${integer(total)} ${PLURALS[kind] ?? `${kind}s`}`,
  );
  const left = `${shortPercent(blockPart(result))} of the masked layers' parameters are left`;
  const claim = `${report.runs[0].method} removed ${units.join(", ")} of ${report.model.name}; ${left}`;
  return [claim, resultTable(report), ...report.warnings, ...ending].join("\n");
}

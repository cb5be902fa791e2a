/** What `secateur prune` prints: a document for programs, a table for people. */
import { join } from "node:path";
import type { PruneResult } from "../prune/index.js";
import { decimal, integer, percent, siPrefix } from "../report/format.js";
import type { Report, Run } from "../report/index.js";
import { FRESH } from "./commands/training-options.js";
import { unitsText } from "./describe-run.js";
import { textTable } from "./table.js";

/** Units that were ranked and units that went. */
function unitCounts({ space, rounds }: PruneResult): { total: number; pruned: number } {
  return { total: space.count, pruned: space.count - rounds.at(-1)!.kept };
}

/** What was written, and how long it took. */
interface Written {
  readonly out: string;
  readonly files: readonly string[];
  readonly seconds: number;
}

/** What every method's document holds, beside the units that it counts. */
export function outcomeData(report: Report, written: Written) {
  const { model, settings, dense, data, adapter, seed, warnings } = report;
  const { method, sparsity, parameters, flops, pruned, finetuned, compacted, depths } = report.runs[0];
  return {
    command: "prune",
    model: model.name,
    method,
    sparsity,
    seed,
    settings,
    parameters: { dense: model.parameters, pruned: parameters },
    flops: { dense: model.flops, pruned: flops },
    data,
    accuracy: { dense, pruned, finetuned },
    compacted,
    depths,
    adapter,
    warnings,
    ...written,
  };
}

export const pruneData = (report: Report, result: PruneResult, written: Written) => ({
  ...outcomeData(report, written),
  units: unitCounts(result),
});

/** Accuracy and cost, before and after. */
export function resultTable({ model, dense, runs: [run] }: Pick<Report, "model" | "dense" | "runs">): string {
  const row = (name: string, metrics: Report["dense"], { parameters, flops }: Pick<Run, "parameters" | "flops">) => [
    name,
    percent(metrics?.top1),
    percent(metrics?.top5),
    decimal(metrics?.loss),
    integer(parameters),
    siPrefix(flops),
  ];
  return textTable([
    ["", "top-1", "top-5", "loss", "parameters", "FLOPs"],
    row("dense", dense, model),
    row("pruned", run.pruned, run),
    ...(run.finetuned ? [row("finetuned", run.finetuned, run)] : []),
  ]);
}

export function pruneText(report: Report, result: PruneResult, ending: readonly string[]): string {
  const { model, settings, runs, warnings } = report;
  const { total, pruned } = unitCounts(result);
  const { granularity } = settings;
  const units = granularity.startsWith("block ")
    ? `blocks of ${granularity.slice(6)} weights`
    : granularity.split(" and ").map(unitsText).join(" and ");
  const claim = `${runs[0].method} removed ${integer(pruned)} of ${integer(total)} ${units} of ${model.name}`;
  return [claim, resultTable(report), ...warnings, ...ending].join("\n");
}

/** What comes after pruning at initialisation. */
export function trainingHint(out: string, seed: number): string {
  const command = `secateur finetune ${out} --masks ${join(out, "masks.safetensors")} --data DATA --epochs ${FRESH.epochs} --lr ${FRESH.lr} --out TRAINED`;
  return `The weights are fresh ones of seed ${seed}; \`${command}\` trains them.`;
}

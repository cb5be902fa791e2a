/** What `secateur demo` prints. */
import { percent, shortPercent } from "../report/format.js";
import type { Report, Run } from "../report/index.js";
import { durationText } from "./progress.js";
import { textTable } from "./table.js";

export const runData = ({ method, sparsity, pruned, finetuned, parameters, flops }: Run) => ({
  method,
  sparsity,
  pruned,
  finetuned,
  parameters,
  flops,
});

export function demoText({ dense, runs, warnings }: Report, html: string, seconds: number): string {
  const methods = [...new Set(runs.map(({ method }) => method))];
  const sparsities = [...new Set(runs.map(({ sparsity }) => sparsity))];
  const top1 = (method: string, sparsity: number) =>
    percent(runs.find((run) => run.method === method && run.sparsity === sparsity)?.pruned?.top1);
  const last = runs.at(-1)!;
  return [
    `top-1 on handwritten digits, ${percent(dense?.top1)} dense`,
    textTable([
      ["sparsity", ...sparsities.map((sparsity) => shortPercent(sparsity))],
      ...methods.map((method) => [method, ...sparsities.map((sparsity) => top1(method, sparsity))]),
    ]),
    `${last.method} at ${shortPercent(last.sparsity)} after finetuning: ${percent(last.finetuned?.top1)}`,
    ...warnings,
    `done in ${durationText(seconds)}; the report is ${html}`,
  ].join("\n");
}

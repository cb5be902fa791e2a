/** `secateur bench`: what each kernel and each step does on this device. Rows are printed and kept as they are measured. */
import { measureCeilings } from "../../../bench/ceilings.js";
import { type BenchResult, isOmission, type Measurement, type Omission } from "../../../bench/result.js";
import type { Row } from "../../../bench/row.js";
import { type BenchOptions, benchRow, costOf, selectRows } from "../../../bench/run.js";
import { UsageError } from "../../errors.js";
import { tunedChoices } from "../../kernels/index.js";
import { openResultFiles } from "../bench-files.js";
import { surroundings } from "../bench-surroundings.js";
import { ceilingsLine, measurementLine, omissionLine, titleLine } from "../bench-table.js";
import type { CommandContext, Outcome } from "../host.js";
import { Progress } from "../progress.js";
import { counted, onAbort } from "../save-notes.js";

export interface BenchArguments extends Pick<BenchOptions, "filter" | "full"> {
  /** Path of a JSON file; a page lies beside it. */
  readonly out?: string;
}

/** @throws UsageError when no row matches, or `out` cannot be written. */
export async function benchKernels(context: CommandContext, { filter, full, out }: BenchArguments): Promise<Outcome> {
  const rows = selectRows({ filter, full });
  if (rows.length === 0) {
    const kinds = new Set(selectRows({ full: true }).map(({ name }) => name.split(/[ :,]/)[0]));
    throw new UsageError(
      `filter: expected a pattern that matches a row, got ${filter}; ${full ? "" : "add --full, or "}write one for rows of ${[...kinds].join(", ")}`,
    );
  }
  const files = out === undefined ? undefined : await openResultFiles(out);
  // Compile times are those of a first use.
  process.env.MESA_SHADER_CACHE_DISABLE ??= "true";
  using gpu = await context.openGpu();
  context.note("measuring what this device can copy and multiply at most");
  const ceilings = await measureCeilings(gpu);
  const cost = (row: Row) => costOf(gpu, row, ceilings, { full });
  using progress = new Progress(
    context.stderr,
    rows.reduce((sum, row) => sum + cost(row), 0),
  );
  const print = (line: string) => {
    progress.clear();
    if (!context.json) context.stdout.write(`${line}\n`);
  };

  const measured: Measurement[] = [];
  const omitted: Omission[] = [];
  const { matmul: tuning, fallback } = tunedChoices(gpu);
  const result: BenchResult = {
    ...{ schema: 1, complete: false, ...surroundings(gpu) },
    ...{ tuning, fallback, ceilings, rows: measured, omitted },
  };
  using _ = onAbort(context.signal, () => {
    if (files && measured.length > 0) context.note(`${files.json}, ${files.page}: ${counted(measured.length, "row")}`);
  });
  print(`${ceilingsLine(result)}\n\n${titleLine()}`);
  for (const row of rows) {
    const outcome = await benchRow(gpu, row, ceilings, { full, signal: context.signal });
    if (isOmission(outcome)) omitted.push(outcome);
    else measured.push(outcome);
    print(isOmission(outcome) ? omissionLine(outcome) : measurementLine(outcome));
    await files?.write(result);
    progress.advance(cost(row), row.name);
  }
  const whole: BenchResult = { ...result, complete: true };
  await files?.write(whole);
  const failed = omitted.filter((each) => each.failed).length;
  const lines = [
    `${counted(measured.length, "row")} measured, ${omitted.length - failed} left out, ${failed} failed`,
    ...(files ? [`wrote ${files.json} and ${files.page}`] : []),
  ];
  return { data: { command: "bench", ...whole }, text: `\n${lines.join("\n")}`, exitCode: failed > 0 ? 1 : 0 };
}

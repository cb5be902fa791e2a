/** `secateur bench --compare`: two files of figures, row by row. Opens no device. */
import { type ComparedRow, compareResults, listed } from "../../../bench/compare.js";
import { parseResult } from "../../../bench/result.js";
import { UsageError } from "../../errors.js";
import { readBytes } from "../../io/node/index.js";
import type { CommandContext, Outcome } from "../host.js";
import { counted } from "../save-notes.js";
import { textTable } from "../table.js";

/** @throws UsageError when they have no row in common, FormatError when one of them is no result of a bench. */
export async function compareBenches(
  context: CommandContext,
  before: string,
  after: string,
  { filter }: { readonly filter?: RegExp } = {},
): Promise<Outcome> {
  const read = async (path: string) => parseResult(new TextDecoder().decode(await readBytes(path)), path);
  const comparison = compareResults(await read(before), await read(after), filter);
  const { rows, onlyBefore, onlyAfter, warnings } = comparison;
  if (rows.length === 0) {
    const what = filter ? ` that match ${filter}` : "";
    const remedy = filter ? "widen --filter" : "run the same rows in both";
    throw new UsageError(`compare: expected rows in common${what}, got none in ${before} and ${after}; ${remedy}`);
  }
  for (const warning of warnings) context.note(`warning: ${warning}`);
  const count = (verdict: ComparedRow["verdict"]) => rows.filter((row) => row.verdict === verdict).length;
  const table = textTable([["row", "before ms", "after ms", "after/before", "95%", ""], ...rows.map(cells)]);
  const alone = [...onlyIn(before, onlyBefore), ...onlyIn(after, onlyAfter)];
  const summary = `${count("faster")} faster, ${count("slower")} slower, ${count("no difference")} without a difference, ${count("unclear")} unclear`;
  return { data: { command: "bench", ...comparison }, text: [table, ...alone, "", BEYOND, summary].join("\n") };
}

/** What no figure of the table knows: all of them are of one run a side. */
const BEYOND = "other work on the machine shifts all rows of a run: two runs of the same program tell how much";

/** One line, however many there are: a file with all rows beside a filtered one has hundreds. */
const onlyIn = (file: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`only in ${file}: ${counted(names.length, "row")}: ${listed(names)}`];

const cells = ({ name, before, after, ratio, low, high, verdict }: ComparedRow): string[] => [
  name,
  before.toPrecision(4),
  after.toPrecision(4),
  ratio.toFixed(3),
  `${low.toFixed(3)} ... ${high.toFixed(3)}`,
  verdict,
];

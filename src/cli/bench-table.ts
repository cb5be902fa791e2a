/** Lines of `secateur bench`: figures in columns of one width, so that each can be printed when it is measured, and the name at the end. */
import { COLUMNS } from "../../bench/columns.js";
import { figureText as figure } from "../../bench/figures.js";
import type { BenchResult, Measurement, Omission } from "../../bench/result.js";

const line = (cells: readonly string[], name: string): string =>
  `${cells.map((cell, index) => ` ${cell.padStart(COLUMNS[index].width - 1)}`).join("")}  ${name}`;

export const titleLine = (): string =>
  line(
    COLUMNS.map(({ title }) => title),
    "row",
  );

export const measurementLine = (row: Measurement): string =>
  line(
    COLUMNS.map(({ text }) => text(row)),
    row.name,
  );

export const omissionLine = ({ name, reason, failed }: Omission): string =>
  `  ${failed ? "FAILED" : "left out"}  ${name}: ${reason}`;

export function ceilingsLine({ adapter, ceilings }: BenchResult): string {
  const { arithmetic, bandwidth } = ceilings;
  return `${adapter.description}: at most ${figure(arithmetic)} GFLOP/s of multiply-adds, ${figure(bandwidth)} GB/s of copying`;
}

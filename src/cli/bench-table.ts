/** Lines of `secateur bench`: figures in columns of one width, so that each can be printed when it is measured, and the name at the end. */
import { figureText as figure } from "../../bench/figures.js";
import type { BenchResult, Measurement, Omission } from "../../bench/result.js";

interface Column {
  readonly title: string;
  readonly width: number;
  readonly cell: (row: Measurement) => string;
}

const COLUMNS: readonly Column[] = [
  { title: "ms", width: 8, cell: ({ milliseconds }) => figure(milliseconds) },
  { title: "median", width: 8, cell: ({ median }) => figure(median) },
  { title: "CPU ms", width: 8, cell: ({ cpu }) => figure(cpu) },
  { title: "GFLOP/s", width: 8, cell: ({ gflops }) => figure(gflops) },
  { title: "GB/s", width: 9, cell: ({ gigabytesPerSecond }) => figure(gigabytesPerSecond) },
  { title: "limit", width: 6, cell: ({ percent }) => (percent === null ? "" : `${percent.toFixed(0)}%`) },
  { title: "compile", width: 8, cell: ({ compile }) => figure(compile) },
  { title: "calls", width: 6, cell: ({ dispatches }) => String(dispatches) },
  { title: "us/call", width: 8, cell: ({ api }) => figure(api) },
  { title: "MB", width: 7, cell: ({ peakBytes }) => figure(peakBytes / 1e6) },
];

const line = (cells: readonly string[], name: string): string =>
  `${cells.map((cell, index) => cell.padStart(COLUMNS[index].width)).join("")}  ${name}`;

export const titleLine = (): string =>
  line(
    COLUMNS.map(({ title }) => title),
    "row",
  );

export const measurementLine = (row: Measurement): string =>
  line(
    COLUMNS.map(({ cell }) => cell(row)),
    row.name,
  );

export const omissionLine = ({ name, reason, failed }: Omission): string =>
  `  ${failed ? "FAILED" : "left out"}  ${name}: ${reason}`;

export function ceilingsLine({ adapter, ceilings }: BenchResult): string {
  const { arithmetic, bandwidth } = ceilings;
  return `${adapter.description}: at most ${figure(arithmetic)} GFLOP/s of multiply-adds, ${figure(bandwidth)} GB/s of copying`;
}

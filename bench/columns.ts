/** What tables show of a row, on the terminal and on the page. */
import { figureText } from "./figures.js";
import type { Measurement } from "./result.js";

export interface Column {
  readonly title: string;
  /** What it is, for who points at the title. */
  readonly what: string;
  /** On the terminal, where lines are printed before all figures are known; the space before it included. */
  readonly width: number;
  /** Empty where nothing is known. */
  readonly text: (row: Measurement) => string;
}

const column = (title: string, width: number, what: string, text: Column["text"]): Column => ({
  title,
  what,
  width,
  text,
});

export const LIMIT = column("limit", 6, "share of what the device allows", ({ percent }) =>
  percent === null ? "" : `${percent.toFixed(0)}%`,
);

export const COLUMNS: readonly Column[] = [
  column("ms", 8, "shortest of the samples", ({ milliseconds }) => figureText(milliseconds)),
  column("median", 8, "median of the samples, ms", ({ median }) => figureText(median)),
  column("CPU ms", 8, "of all threads of the process", ({ cpu }) => figureText(cpu)),
  column("GFLOP/s", 8, "of the shortest sample", ({ gflops }) => figureText(gflops)),
  column("GB/s", 9, "that must be read and written, of the shortest sample", ({ gigabytesPerSecond }) =>
    figureText(gigabytesPerSecond),
  ),
  LIMIT,
  column("compile", 8, "ms that the first run takes longer", ({ compile }) => figureText(compile)),
  column("calls", 6, "dispatches", ({ dispatches }) => String(dispatches)),
  column("us/call", 8, "of the calling thread to encode and submit", ({ api }) => figureText(api)),
  column("MB", 8, "device memory at most", ({ peakBytes }) => figureText(peakBytes / 1e6)),
];

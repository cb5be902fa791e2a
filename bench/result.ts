/** What a bench found, as `--out` and `--json` write it: plain data with every key present, `null` where nothing is known. */
import { FormatError } from "../src/errors.js";
import type { AdapterSummary, Versions } from "../src/report/types.js";
import type { Family } from "./families.js";

/** What the device can do at most, measured in the same run. */
export interface Ceilings {
  /** GFLOP/s of multiply-adds on registers. */
  readonly arithmetic: number;
  /** GB/s, read and written together, of copying what no cache holds. */
  readonly bandwidth: number;
}

/** One row: a kernel at a shape, or a step of a network. */
export interface Measurement {
  readonly name: string;
  readonly family: Family;
  /** Wall milliseconds of one run, each the mean of `repeats` runs in a row. */
  readonly samples: readonly number[];
  readonly repeats: number;
  /** The shortest of the samples, and their median. */
  readonly milliseconds: number;
  readonly median: number;
  /** CPU milliseconds of one run, of all threads of the process, a software driver's included; the least of the samples. */
  readonly cpu: number;
  /** Milliseconds by which the first run took longer than the median: compiling, and recording. */
  readonly compile: number;
  readonly dispatches: number;
  /** Microseconds a dispatch that the calling thread spends on encoding and submitting. */
  readonly api: number | null;
  /** Of device memory, at most, at one time. */
  readonly peakBytes: number;
  readonly flops: number | null;
  readonly bytes: number | null;
  /** Rates of the shortest sample. */
  readonly gflops: number | null;
  readonly gigabytesPerSecond: number | null;
  /** The time that the ceilings allow over the shortest sample, in percent; over 100 where caches are faster than memory. */
  readonly percent: number | null;
}

/** A row without figures: what is beyond this device, or went wrong. */
export interface Omission {
  readonly name: string;
  readonly reason: string;
  readonly failed: boolean;
}

export const isOmission = (outcome: Measurement | Omission): outcome is Omission => "reason" in outcome;

export interface BenchResult {
  readonly schema: 1;
  /** False in what an interrupted run leaves. */
  readonly complete: boolean;
  /** ISO 8601, of the start. */
  readonly date: string;
  readonly versions: Versions;
  readonly adapter: AdapterSummary;
  /** Processors of the host, which a software driver computes on. */
  readonly host: { readonly processor: string; readonly cores: number };
  /** Kernels that tuning or `SECATEUR_TUNING` chose, by product; empty where all are those that ship, `null` in files of older versions. */
  readonly tuning: Readonly<Record<string, string>> | null;
  /** The kernel of all other products where shipped ones compute wrongly on the device; `null` where they do not, and in files of older versions. */
  readonly fallback: string | null;
  readonly ceilings: Ceilings;
  readonly rows: readonly Measurement[];
  readonly omitted: readonly Omission[];
}

/** The milliseconds that work takes at least under the ceilings. */
export const floorOf = (flops: number | null, bytes: number | null, { arithmetic, bandwidth }: Ceilings): number =>
  Math.max((flops ?? 0) / arithmetic, (bytes ?? 0) / bandwidth) / 1e6;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const resultToJson = (result: BenchResult): string => `${JSON.stringify(result, null, 1)}\n`;

/** @param file - its name, for the message. @throws FormatError for what no bench has written. */
export function parseResult(text: string, file: string): BenchResult {
  const fail = (got: string): never => {
    throw new FormatError(`${file}: expected what bench --out wrote, got ${got}; run the bench again`);
  };
  let value: Partial<BenchResult> | null = null;
  try {
    value = JSON.parse(text);
  } catch {
    fail("no JSON");
  }
  if (value?.schema !== 1) return fail(`schema ${JSON.stringify(value?.schema)}`);
  const isRow = (row: Measurement | null) =>
    typeof row?.name === "string" &&
    Array.isArray(row.samples) &&
    row.samples.every(Number.isFinite) &&
    row.samples[0] > 0;
  if (!Array.isArray(value.rows) || !value.rows.every(isRow)) return fail("rows without samples");
  if (typeof value.adapter?.description !== "string") return fail("no adapter");
  return { ...(value as BenchResult), tuning: value.tuning ?? null, fallback: value.fallback ?? null };
}

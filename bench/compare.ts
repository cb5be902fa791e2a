/** Two benches, row by row: how much longer the second takes, and how sure that is. */
import { randomGenerator } from "../test/harness/random.js";
import { type BenchResult, type Measurement, median } from "./result.js";

/** "unclear": the medians differ, but by no more than samples of one run do. */
export type Verdict = "faster" | "slower" | "no difference" | "unclear";

export interface ComparedRow {
  readonly name: string;
  /** Medians, ms. */
  readonly before: number;
  readonly after: number;
  /** Median after over median before. */
  readonly ratio: number;
  /** 95% confidence interval of the ratio. */
  readonly low: number;
  readonly high: number;
  readonly verdict: Verdict;
}

export interface Comparison {
  readonly rows: readonly ComparedRow[];
  /** Names that only one of them has. */
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
  readonly warnings: readonly string[];
}

const RESAMPLES = 2000;
const CONFIDENCE = 0.95;
/** Two runs of one program differ by so much: placement in memory, clocks, what else the machine does. */
const NOISE = 0.03;

/**
 * Interval of the ratio of two medians, by the percentile bootstrap (Efron 1979): both sides drawn anew from their own samples. Samples of one run
 * know nothing of what differs from run to run, so that intervals are lower bounds.
 */
export function ratioInterval(before: readonly number[], after: readonly number[], seed = 1): [number, number] {
  const next = randomGenerator(seed);
  const drawn = (samples: readonly number[]) => median(samples.map(() => samples[Math.floor(next() * samples.length)]));
  const ratios = Array.from({ length: RESAMPLES }, () => {
    const first = drawn(before);
    return drawn(after) / first;
  }).sort((a, b) => a - b);
  const tail = Math.floor((RESAMPLES * (1 - CONFIDENCE)) / 2);
  return [ratios[tail], ratios[RESAMPLES - 1 - tail]];
}

function verdictOf(ratio: number, low: number, high: number): Verdict {
  if (Math.abs(ratio - 1) <= NOISE) return "no difference";
  if (high < 1) return "faster";
  return low > 1 ? "slower" : "unclear";
}

function compareRow(before: Measurement, after: Measurement): ComparedRow {
  const ratio = after.median / before.median;
  const [low, high] = ratioInterval(before.samples, after.samples);
  return {
    ...{ name: after.name, before: before.median, after: after.median },
    ...{ ratio, low, high, verdict: verdictOf(ratio, low, high) },
  };
}

/** @param filter - only rows whose name matches */
export function compareResults(before: BenchResult, after: BenchResult, filter = /(?:)/): Comparison {
  const [first, second] = [before, after].map(
    ({ rows }) => new Map(rows.filter(({ name }) => filter.test(name)).map((row) => [row.name, row])),
  );
  const missing = (from: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>) =>
    [...from.keys()].filter((name) => !other.has(name));
  const rows = [...second.values()].flatMap((row) => {
    const earlier = first.get(row.name);
    return earlier ? [compareRow(earlier, row)] : [];
  });
  return {
    rows,
    onlyBefore: missing(first, second),
    onlyAfter: missing(second, first),
    warnings: [...differences(before, after), ...overlaps(rows)],
  };
}

const SHOWN = 4;

/** "a, b and 3 more" */
export const listed = (names: readonly string[]): string =>
  names.length <= SHOWN ? names.join(", ") : `${names.slice(0, SHOWN).join(", ")} and ${names.length - SHOWN} more`;

/** Of some drivers the description is the driver's only. */
const adapterText = ({ device, description }: BenchResult["adapter"]): string =>
  device && !description.includes(device) ? `${device} (${description})` : description;

function overlaps(rows: readonly ComparedRow[]): string[] {
  const names = rows.filter(({ verdict }) => verdict === "unclear").map(({ name }) => name);
  if (names.length === 0) return [];
  return [`samples spread as far as the runs differ, which says nothing, in ${listed(names)}; run both again`];
}

/** Products that were tuned to other kernels; none where a file does not tell. */
function retuned({ tuning: first }: BenchResult, { tuning: second }: BenchResult): string[] {
  if (!first || !second) return [];
  return [...new Set([...Object.keys(first), ...Object.keys(second)])].filter((key) => first[key] !== second[key]);
}

/** What makes two benches hard to compare. */
function differences(before: BenchResult, after: BenchResult): string[] {
  const parts: [what: string, of: (result: BenchResult) => string][] = [
    ["adapters", ({ adapter }) => adapterText(adapter)],
    ["hosts", ({ host }) => `${host.processor}, ${host.cores} cores`],
    ["versions of Dawn", ({ versions }) => versions.dawn ?? "unknown"],
    ["kernels in place of wrong ones", ({ fallback }) => fallback ?? "none"],
  ];
  const texts = parts.flatMap(([what, of]) => {
    const [first, second] = [of(before), of(after)];
    return first === second ? [] : [`the ${what} differ: ${first} before, ${second} after`];
  });
  const products = retuned(before, after);
  if (products.length > 0) texts.push(`the kernels that were tuned for the device differ for ${listed(products)}`);
  const incomplete = [before, after].some(({ complete }) => !complete);
  return incomplete ? [...texts, "one of them was interrupted"] : texts;
}

/** Which of VTP's gates stay, from their values: plain numbers, apart from model and device. */
import { countUnits } from "../masks/apply-kept.js";
import { nearestMultiple } from "./multiples.js";

/** The gates of one place of a model. */
export interface GateRow {
  /** "blocks.0.attn.out" */
  readonly name: string;
  readonly values: Float32Array;
  /** Runs of equal length, such as heads, that keep the same number; default 1. */
  readonly runs?: number;
  /** Each run keeps a multiple of so many, or all; default 1. */
  readonly multiple?: number;
}

/** 1 for each gate that stays, by place. */
export type KeptGates = Map<string, Uint8Array>;

/** Numbers of gates that stay, by place. */
export type KeptCounts = ReadonlyMap<string, number>;

interface Ranked {
  readonly row: GateRow;
  readonly index: number;
  readonly magnitude: number;
}

/** All gates, smallest magnitude first; of equal ones the first goes first. */
function ascending(rows: readonly GateRow[]): Ranked[] {
  const ranked = rows.flatMap((row) =>
    Array.from(row.values, (value, index): Ranked => ({ row, index, magnitude: Math.abs(value) })),
  );
  return ranked.sort((a, b) => a.magnitude - b.magnitude);
}

/** The count of a row after rounding: the nearest that gives its runs the same multiple. */
const roundedCount = ({ values, runs = 1, multiple = 1 }: GateRow, kept: number): number =>
  nearestMultiple(kept, runs * multiple, values.length);

/** What no amount goes below. */
export const leastCounts = (rows: readonly GateRow[]): KeptCounts =>
  new Map(rows.map((row) => [row.name, roundedCount(row, 1)]));

/** The gates of largest magnitude: the same number of each run. */
function largest({ name, values, runs = 1 }: GateRow, kept: number): Uint8Array {
  const keep = new Uint8Array(values.length);
  const length = values.length / runs;
  for (let start = 0; start < values.length; start += length) {
    const run = ascending([{ name, values: values.subarray(start, start + length) }]);
    for (const { index } of run.slice(length - kept / runs)) keep[start + index] = 1;
  }
  return keep;
}

/**
 * Removes gates in the order of their magnitudes over all places, one by one, until `enough` says so of the counts that stay. The last gate of a place
 * stays. Where a row has runs or a multiple its count is rounded, which `enough` sees, and each run keeps its own largest.
 */
export function removeGates(rows: readonly GateRow[], enough: (kept: KeptCounts) => boolean): KeptGates {
  const exact = new Map(rows.map((row) => [row, row.values.length]));
  const counts = new Map(rows.map((row) => [row.name, row.values.length]));
  for (const { row } of ascending(rows)) {
    if (enough(counts)) break;
    const left = Math.max(1, exact.get(row)! - 1);
    exact.set(row, left);
    counts.set(row.name, roundedCount(row, left));
  }
  return new Map(rows.map((row) => [row.name, largest(row, counts.get(row.name)!)]));
}

/** How far the authors of the public re-implementation lower a threshold at a time. */
const THRESHOLD_STEP = 1e-4;

/**
 * As the public re-implementation does it, slips included: the threshold is number `int(sparsity * N)` of the ascending magnitudes, gates above it stay,
 * so one more goes than asked; in rows with runs the threshold is lowered by 1e-4 until the number that stays divides by them, wherever those gates lie.
 */
export function publishedGates(rows: readonly GateRow[], sparsity: number): KeptGates {
  const ranked = ascending(rows);
  const { magnitude: global } = ranked[Math.floor(ranked.length * sparsity)];
  return new Map(
    rows.map(({ name, values, runs = 1 }) => {
      let threshold = global;
      const above = () => Uint8Array.from(values, (value) => Number(Math.abs(value) > threshold));
      let keep = above();
      while (countUnits(keep) % runs !== 0) {
        threshold = Math.fround(threshold - THRESHOLD_STEP);
        keep = above();
      }
      return [name, keep];
    }),
  );
}

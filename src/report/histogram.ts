import { ShapeError } from "../errors.js";
import type { Histogram, Measure, Tally } from "./types.js";

/** Scores of some units, and 1 for each kept unit, 0 for each pruned one. */
export interface ScoredUnits {
  readonly scores: Float32Array;
  readonly kept: Uint8Array;
}

export interface HistogramOptions {
  readonly label?: string;
  readonly threshold?: Measure;
  readonly bins?: number;
}

/** Products of a gradient and a weight have a long, thin tail towards zero; this share of it may leave the log axis. */
const TAIL_SHARE = 0.001;

/** Of the scores on a symlog axis, this share may lie in the linear core, which has little room. */
const CORE_SHARE = 0.1;

/**
 * Counts scores in bins that are equally wide on a log scale, or on a symlog one where a score is negative.
 *
 * @param parts one entry a layer; scores may hold zeros, NaN and infinities, which are tallied apart
 * @throws ShapeError when a layer has not one kept flag a score
 */
export function scoreHistogram(parts: readonly ScoredUnits[], options: HistogramOptions = {}): Histogram {
  const { label = "all layers", threshold = null, bins = 60 } = options;
  for (const { scores, kept } of parts) {
    if (scores.length !== kept.length) {
      throw new ShapeError(
        `scoreHistogram: expected one kept flag a score, got ${kept.length} for ${scores.length}; pass the layer's own mask`,
      );
    }
  }
  const range = surveyScores(parts);
  const edges = range.count === 0 ? [] : binEdges(range, bins);
  const tallies = countScores(parts, range, edges);
  return { label, scale: range.scale, core: range.core, edges, ...tallies, threshold };
}

interface Range {
  readonly scale: Histogram["scale"];
  readonly core: Measure;
  readonly low: number;
  readonly high: number;
  /** Scores that a bin can hold. */
  readonly count: number;
}

function surveyScores(parts: readonly ScoredUnits[]): Range {
  const perExponent = new Float64Array(256);
  let min = Infinity;
  let minPositive = Infinity;
  let max = -Infinity;
  let finite = 0;
  let nonzero = 0;
  for (const { scores } of parts) {
    const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i];
      if (!Number.isFinite(score)) continue;
      finite++;
      if (score < min) min = score;
      if (score > max) max = score;
      if (score === 0) continue;
      nonzero++;
      if (score > 0 && score < minPositive) minPositive = score;
      perExponent[(bits[i] >>> 23) & 0xff]++;
    }
  }
  if (min < 0) {
    const core = powerBelow(perExponent, CORE_SHARE * nonzero) || 2 ** -126;
    return { scale: "symlog", core, low: min, high: max, count: finite };
  }
  const low = Math.max(minPositive, powerBelow(perExponent, TAIL_SHARE * nonzero));
  return { scale: "log", core: null, low, high: max, count: nonzero };
}

/** The power of two below which at most `limit` of the scores lie, by magnitude; 0 where that is below the smallest normal number. */
function powerBelow(perExponent: Float64Array, limit: number): number {
  let exponent = 0;
  for (let below = 0; exponent < 255; exponent++) {
    below += perExponent[exponent];
    if (below > limit) break;
  }
  return exponent === 0 ? 0 : 2 ** (exponent - 127);
}

interface Axis {
  readonly position: (score: number) => number;
  readonly score: (position: number) => number;
}

/** Where scores lie on an axis on which the bins are equally wide. */
function axisOf({ scale, core }: Range): Axis {
  if (scale === "log") return { position: Math.log10, score: (position) => 10 ** position };
  const unit = core!;
  return {
    position: (score) => Math.sign(score) * Math.log1p(Math.abs(score) / unit),
    score: (position) => Math.sign(position) * Math.expm1(Math.abs(position)) * unit,
  };
}

function binEdges(range: Range, bins: number): number[] {
  const { position, score } = axisOf(range);
  const [first, last] = [position(range.low), position(range.high)];
  const margin = first < last ? 0 : 0.5;
  const width = (last - first + 2 * margin) / bins;
  return Array.from({ length: bins + 1 }, (_, i) => score(first - margin + i * width));
}

type Tallies = Pick<Histogram, "counts" | "pruned" | "zeros" | "below" | "infinite" | "nan">;

function countScores(parts: readonly ScoredUnits[], range: Range, edges: readonly number[]): Tallies {
  const { scale, low } = range;
  const bins = Math.max(0, edges.length - 1);
  const { position } = axisOf(range);
  const first = position(edges[0]);
  const perUnit = bins / (position(edges[bins]) - first);
  // The four classes without a bin follow the bins.
  const [zeros, below, infinite, nan] = [bins, bins + 1, bins + 2, bins + 3];
  const counts = new Array<number>(bins + 4).fill(0);
  const pruned = new Array<number>(bins + 4).fill(0);

  const slotOf = (score: number): number => {
    if (Number.isNaN(score)) return nan;
    if (!Number.isFinite(score)) return infinite;
    if (scale === "log" && score === 0) return zeros;
    if (score < low) return below;
    return Math.min(bins - 1, Math.max(0, Math.floor((position(score) - first) * perUnit)));
  };
  for (const { scores, kept } of parts) {
    for (let i = 0; i < scores.length; i++) {
      const slot = slotOf(scores[i]);
      counts[slot]++;
      if (kept[i] === 0) pruned[slot]++;
    }
  }
  const tally = (slot: number): Tally => ({ count: counts[slot], pruned: pruned[slot] });
  return {
    counts: counts.slice(0, bins),
    pruned: pruned.slice(0, bins),
    zeros: tally(zeros),
    below: tally(below),
    infinite: tally(infinite),
    nan: tally(nan),
  };
}

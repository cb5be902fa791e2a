import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/errors.js";
import { type Histogram, scoreHistogram } from "../../src/report/index.js";

const ones = (count: number): Uint8Array => new Uint8Array(count).fill(1);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function counted({ counts, zeros, below, infinite, nan }: Histogram): number {
  return sum(counts) + zeros.count + below.count + infinite.count + nan.count;
}

describe("scoreHistogram", () => {
  it("puts one score into each decade and marks what is pruned", () => {
    const scores = Float32Array.of(1e-6, 3e-5, 3e-4, 1e-3);
    const histogram = scoreHistogram([{ scores, kept: Uint8Array.of(0, 0, 1, 1) }], { bins: 3, threshold: 3e-5 });
    expect(histogram.scale).toBe("log");
    expect(histogram.counts).toEqual([1, 1, 2]);
    expect(histogram.pruned).toEqual([1, 1, 0]);
    expect(histogram.edges.at(-1)).toBeCloseTo(1e-3, 9);
    expect(histogram.edges).toHaveLength(4);
    expect(histogram.threshold).toBe(3e-5);
  });

  it("counts every score of every layer once", () => {
    const scores = Float32Array.from({ length: 9973 }, (_, i) => (i % 11 === 0 ? 0 : 1.01 ** -i));
    const kept = Uint8Array.from(scores, (score) => (score > 1e-9 ? 1 : 0));
    const histogram = scoreHistogram([
      { scores, kept },
      { scores: scores.subarray(1, 100), kept: kept.subarray(1, 100) },
    ]);
    expect(counted(histogram)).toBe(9973 + 99);
    const removed = kept.filter((bit) => bit === 0).length + kept.subarray(1, 100).filter((bit) => bit === 0).length;
    expect(sum(histogram.pruned) + histogram.zeros.pruned + histogram.below.pruned).toBe(removed);
    expect(histogram.zeros.count).toBe(907 + 9);
  });

  it("keeps a long thin tail off the log axis", () => {
    const scores = Float32Array.from({ length: 10_000 }, (_, i) => (i < 5 ? 1e-30 : 1 + i / 10_000));
    const histogram = scoreHistogram([{ scores, kept: ones(10_000) }]);
    expect(histogram.below).toEqual({ count: 5, pruned: 0 });
    expect(histogram.edges[0]).toBeCloseTo(1, 12);
    expect(counted(histogram)).toBe(10_000);
  });

  it("takes a scale that is logarithmic on both sides of zero when a score is negative, with zeros in the bins", () => {
    const histogram = scoreHistogram([{ scores: Float32Array.of(-7, 0, 1, 7), kept: ones(4) }], { bins: 6 });
    expect(histogram.scale).toBe("symlog");
    expect(histogram.core).toBe(1);
    histogram.edges.forEach((edge, i) => void expect(edge).toBeCloseTo([-7, -3, -1, 0, 1, 3, 7][i], 12));
    expect(histogram.counts).toEqual([1, 0, 0, 1, 1, 1]);
    expect(histogram.zeros.count).toBe(0);
  });

  it("gives the linear core of such a scale a tenth of the scores at most", () => {
    const scores = Float32Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? 1 : -1) * 10 ** (-i / 200));
    const { core, edges, counts } = scoreHistogram([{ scores, kept: ones(2000) }], { bins: 60 });
    expect(scores.filter((score) => Math.abs(score) < core!).length).toBeLessThanOrEqual(200);
    expect(scores.filter((score) => Math.abs(score) < 2 * core!).length).toBeGreaterThan(200);
    expect(edges[0]).toBeCloseTo(-(10 ** -0.005), 6);
    expect(sum(counts)).toBe(2000);
  });

  it("tallies NaN and infinities apart", () => {
    const scores = Float32Array.of(NaN, Infinity, -Infinity, 1, 2);
    const histogram = scoreHistogram([{ scores, kept: Uint8Array.of(0, 1, 0, 1, 1) }], { bins: 2 });
    expect(histogram.nan).toEqual({ count: 1, pruned: 1 });
    expect(histogram.infinite).toEqual({ count: 2, pruned: 1 });
    expect(histogram.scale).toBe("log");
    expect(sum(histogram.counts)).toBe(2);
  });

  it.each([3, 1e-45, 3.4e38, -7])("gives equal scores of %d a bin with room on both sides", (value) => {
    const histogram = scoreHistogram([{ scores: new Float32Array(5).fill(value), kept: ones(5) }]);
    expect(sum(histogram.counts)).toBe(5);
    expect(histogram.edges[0]).toBeLessThan(Math.fround(value));
    expect(histogram.edges.at(-1)).toBeGreaterThan(Math.fround(value));
    expect(histogram.edges.every(Number.isFinite)).toBe(true);
  });

  it.each([
    ["no layer", []],
    ["an empty layer", [{ scores: new Float32Array(0), kept: new Uint8Array(0) }]],
    ["only zeros and NaN", [{ scores: Float32Array.of(0, NaN), kept: ones(2) }]],
  ])("has no bins for %s", (_, parts) => {
    const histogram = scoreHistogram(parts);
    expect(histogram.edges).toEqual([]);
    expect(histogram.counts).toEqual([]);
    expect(counted(histogram)).toBe(sum(parts.map(({ scores }) => scores.length)));
  });

  it("refuses a mask of another length", () => {
    expect(() => scoreHistogram([{ scores: new Float32Array(3), kept: ones(2) }])).toThrow(ShapeError);
  });
});

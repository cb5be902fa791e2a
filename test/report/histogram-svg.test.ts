import { describe, expect, it } from "vitest";
import { type Histogram, histogramSvg, scoreHistogram } from "../../src/report/index.js";
import { HOSTILE } from "./fixtures.js";

const histogramOf = (label: string, scores: ArrayLike<number>): Histogram => {
  const values = Float32Array.from(scores);
  return scoreHistogram([{ scores: values, kept: Uint8Array.from(values, (score) => (score > 0.5 ? 1 : 0)) }], {
    label,
    threshold: 0.5,
  });
};

const signed = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 1 : -1) * 10 ** (-i / 100));
const numbersIn = (svg: string, attribute: string): number[] =>
  [...svg.matchAll(new RegExp(` ${attribute}="([^"]*)"`, "g"))].map(([, value]) => Number(value));

describe("histogramSvg", () => {
  const histograms = ["all", "qkv", "fc1", "fc2"].map((label) => histogramOf(label, signed));
  const svg = histogramSvg({ title: "obd: 0.5 h w^2", note: "1,000 weights", histograms });

  it("draws all histograms inside of its frame", () => {
    const [width, height] = [800, numbersIn(svg, "height")[0]];
    expect(svg).toContain(`viewBox="0 0 ${width} ${height}"`);
    expect(numbersIn(svg, "width").every((value) => value >= 0 && value <= width)).toBe(true);
    expect(numbersIn(svg, "height").every((value) => value >= 0 && value <= height)).toBe(true);
    expect(svg.match(/class="threshold"/g)).toHaveLength(histograms.length + 1);
    for (const label of ["qkv", "fc1", "fc2", "threshold 0.5", "log scale on both sides of zero"]) {
      expect(svg).toContain(`>${label === "log scale on both sides of zero" ? `score, ${label}` : label}<`);
    }
  });

  it("labels zero and powers of ten of both signs", () => {
    const labels = [...svg.matchAll(/text-anchor="middle">([^<]*)</g)].map(([, label]) => label);
    for (const label of ["0", "1e-1", "−1e-1", "1e-3", "−1e-3"]) expect(labels).toContain(label);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it.each([
    [0.271, 9.5, ["0.5", "1", "2", "5"]],
    [0.258, 0.764, ["0.3", "0.4", "0.5", "0.6", "0.7"]],
    [0.5001, 0.5002, ["0.5001", "0.5002"]],
  ])("labels round scores between %d and %d, which hold no two powers of ten", (low, high, labels) => {
    const short = { ...histogramOf("all", [1]), edges: [low, high], counts: [1], pruned: [0] };
    const drawn = histogramSvg({ title: "magnitude", note: "scores", histograms: [short] });
    expect([...drawn.matchAll(/text-anchor="middle">([\d.]+)</g)].map(([, label]) => label).sort()).toEqual(labels);
  });

  it("follows light and dark, and loads and runs nothing", () => {
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).not.toMatch(/<script|href=|url\(|@import/);
  });

  it("shows hostile names as text", () => {
    const [script, image] = HOSTILE;
    const hostile = histogramSvg({ title: script, note: image, histograms: [histogramOf(script, signed)] });
    expect(hostile.match(/<(\w+)/g)!.filter((tag) => !/<(svg|title|desc|style|rect|text|line|g)$/.test(tag))).toEqual(
      [],
    );
  });
});

describe("scores without a bin that are too many for the scale of the bins", () => {
  const bins = (label: string, tallies: Partial<Histogram>): Histogram => ({
    ...histogramOf(label, [0.1, 0.3, 0.7, 1]),
    edges: [0.1, 1, 10],
    counts: [40, 100],
    pruned: [40, 0],
    ...tallies,
  });
  const draw = (tallies: Partial<Histogram>): string =>
    histogramSvg({ title: "t", note: "n", histograms: [bins("all", tallies)] });
  const bars = (svg: string): { kind: string; top: number; height: number }[] =>
    [...svg.matchAll(/<rect class="(pruned|kept)-bar" x="[^"]*" y="([^"]*)" width="[^"]*" height="([^"]*)"/g)]
      .filter(([rect]) => !rect.includes('y="-6"'))
      .map(([, kind, top, height]) => ({ kind, top: Number(top), height: Number(height) }));
  const labels = (svg: string): string[] =>
    [...svg.matchAll(/text-anchor="middle">([^<]*)</g)].map(([, label]) => label);
  const strokes = (svg: string): number => svg.match(/<line class="base"/g)!.length - 1;

  const plain = draw({});
  /** The plot reaches from 14 to 232, and a score is 2.18 high. */
  const perScore = bars(plain)[1].height / 100;

  it("leave the scale to the bins", () => {
    const svg = draw({ zeros: { count: 2_463_732, pruned: 2_463_732 } });
    expect(bars(svg).slice(-2)).toEqual(bars(plain));
    expect(perScore).toBeCloseTo(2.18, 9);
    expect([...svg.matchAll(/text-anchor="end">([^<]*)</g)].map(([, label]) => label)).toEqual(
      [...plain.matchAll(/text-anchor="end">([^<]*)</g)].map(([, label]) => label),
    );
  });

  it("have a broken bar with their count above it", () => {
    const svg = draw({ zeros: { count: 2_463_732, pruned: 2_463_732 } });
    expect(labels(svg)).toContain("2.46 M");
    expect(strokes(svg)).toBe(2);
    const [foot, head] = bars(svg);
    expect(foot).toEqual({ kind: "pruned", top: 34, height: 198 });
    expect(head).toEqual({ kind: "pruned", top: 14, height: 8 });
  });

  it("show what is at both ends of the broken bar to scale", () => {
    const [pruned, keptFoot, keptHead] = bars(draw({ zeros: { count: 5000, pruned: 50 } }));
    expect(pruned).toEqual({ kind: "pruned", top: 123, height: 109 });
    expect(keptFoot).toEqual({ kind: "kept", top: 34, height: 89 });
    expect(keptHead).toEqual({ kind: "kept", top: 14, height: 8 });
    const [foot, prunedHead, kept] = bars(draw({ zeros: { count: 5000, pruned: 4998 } }));
    expect(foot).toEqual({ kind: "pruned", top: 34, height: 198 });
    expect(prunedHead).toEqual({ kind: "pruned", top: 18.36, height: 3.64 });
    expect(kept).toEqual({ kind: "kept", top: 14, height: 4.36 });
  });

  it("are whole and without a count where they fit", () => {
    const svg = draw({ zeros: { count: 100, pruned: 100 }, below: { count: 3, pruned: 3 } });
    expect(strokes(svg)).toBe(0);
    expect(labels(svg).slice(0, 2)).toEqual(["0", "less"]);
    expect(bars(svg)[0]).toEqual({ kind: "pruned", top: 14, height: 218 });
    expect(bars(svg)[1].height).toBeCloseTo(3 * perScore, 2);
  });

  it("keep their counts apart, infinities and those that are no number too", () => {
    const tally = (count: number): Histogram["nan"] => ({ count, pruned: 0 });
    const svg = draw({ zeros: tally(2_460_000), below: tally(24_600), infinite: tally(246), nan: tally(1_230_000) });
    const middles = [...svg.matchAll(/<text x="([^"]*)" y="10"[^>]*>([^<]*)</g)].map(([, x, label]) => ({ x, label }));
    expect(middles.map(({ label }) => label)).toEqual(["2.46 M", "24.6 k", "246", "1.23 M"]);
    expect(middles.map(({ x }) => Number(x))).toEqual([70, 116, 162, 208]);
    expect(labels(svg)).toEqual(expect.arrayContaining(["0", "less", "inf", "nan"]));
  });

  it("leave the labels of the axis room beside them", () => {
    const full = { count: 1000, pruned: 0 };
    const edges = Array.from({ length: 9 }, (_, i) => 10 ** (i - 9));
    const narrow = bins("qkv", { edges, counts: edges.slice(1).fill(9), pruned: edges.slice(1).fill(0) });
    const crowded = { ...narrow, zeros: full, below: full, infinite: full, nan: full };
    const svg = histogramSvg({ title: "t", note: "n", histograms: [narrow, narrow, crowded] });
    const ticks = svg.split("<g transform=").map((panel) => {
      const found = panel.matchAll(/<text x="([^"]*)"[^>]*text-anchor="middle">[01](?:\.\d*)?(?:e-\d)?</g);
      return [...found].map(([, x]) => Number(x));
    });
    expect(ticks.slice(-2).map(({ length }) => length)).toEqual([5, 3]);
    for (const panel of ticks) {
      for (const [i, at] of panel.slice(1).entries()) expect(at - panel[i]).toBeGreaterThan(32);
    }
  });
});

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
    for (const label of ["0", "0.1", "−0.1", "0.001", "−0.001"]) expect(labels).toContain(label);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
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

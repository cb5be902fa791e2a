import { describe, expect, it } from "vitest";
import { type AccuracyPicture, accuracySvg } from "../../src/report/index.js";
import { HOSTILE } from "./fixtures.js";

const SPARSITIES = [0.5, 0.9, 0.98];

/** Nine methods that end within two points of each other. */
const picture: AccuracyPicture = {
  title: "Accuracy by sparsity",
  note: "three seeds",
  dense: 0.981,
  series: Array.from({ length: 9 }, (_, index) => ({
    name: `method-${index}`,
    points: SPARSITIES.map((sparsity, at) => ({ sparsity, mean: 0.97 - 0.3 * at - 0.002 * index, spread: 0.01 })),
  })),
};

const svg = accuracySvg(picture);
const matches = (pattern: RegExp): number[] => [...svg.matchAll(pattern)].map(([, value]) => Number(value));

describe("accuracySvg", () => {
  it("draws a line and a name a series, and a point and a whisker a measurement", () => {
    expect(svg.match(/<path class="curve( dashed)?"( style="stroke-width:3")? d="M[^"]*L/g)).toHaveLength(9);
    expect(svg.match(/<path class="curve dashed"/g)).toHaveLength(1);
    expect(svg.match(/<line class="curve"/g)).toHaveLength(27);
    for (const { name } of picture.series) expect(svg).toContain(`>${name}</text>`);
  });

  it("keeps names a line's height apart and inside of the frame", () => {
    const places = matches(/<text x="678" y="([\d.]+)"/g);
    expect(places).toHaveLength(9);
    places.slice(1).forEach((place, i) => {
      expect(place - places[i]).toBeGreaterThanOrEqual(15.99);
    });
    expect(Math.max(...places)).toBeLessThanOrEqual(500);
    expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
  });

  it("gives equal factors of what is kept equal room", () => {
    const ticks = new Map(
      [...svg.matchAll(/<text x="([\d.]+)" y="\d+" text-anchor="middle">(\d+)%</g)].map(([, x, label]) => [
        label,
        Number(x),
      ]),
    );
    const room = (from: string, to: string): number => ticks.get(to)! - ticks.get(from)!;
    expect(room("90", "98") / room("50", "90")).toBeCloseTo(1, 2); // 5 times less each
  });

  it("says all means to those who cannot see them", () => {
    expect(svg).toContain("Dense 98.1%. method-0: 97.0% at 50%, 67.0% at 90%, 37.0% at 98%; method-1: 96.8% at 50%");
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("draws what was measured when a series lacks sparsities", () => {
    const [first, second] = picture.series;
    const partial = accuracySvg({
      ...picture,
      series: [first, { name: "none", points: [] }, { ...second, points: second.points.slice(1) }],
    });
    expect(partial.match(/<line class="curve"/g)).toHaveLength(5);
    expect(partial).not.toMatch(/NaN|undefined|>none</);
  });

  it("follows light and dark, loads and runs nothing, and shows hostile names as text", () => {
    const [script, image] = HOSTILE;
    const hostile = accuracySvg({
      ...picture,
      title: script,
      note: image,
      series: [{ ...picture.series[0], name: script }],
    });
    expect(hostile).toContain("prefers-color-scheme: dark");
    expect(hostile).not.toMatch(/<script|href=|url\(|@import|<img/);
  });
});

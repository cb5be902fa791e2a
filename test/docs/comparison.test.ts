/** The page of the comparison: its tables are those of the results beside it, and say what was measured. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
// @ts-expect-error: a script without types
import * as shown from "../../scripts/comparison/page.mjs";
// @ts-expect-error: a script without types
import { openResults } from "../../scripts/comparison/results.mjs";
import { accuracySvg } from "../../src/report/index.js";

const docs = resolve(import.meta.dirname, "../../docs");

/** One setting, with means that can be checked by hand. */
const results = {
  seeds: [1, 2, 3],
  methods: ["px", "magnitude", "random"],
  settings: {
    few: {
      title: "Few",
      sparsities: [0.9],
      rounds: { px: 100 },
      training: { images: 64, epochs: 2, batchSize: 32, learningRate: 0.1 },
      testImages: 100,
    },
  },
  cells: [
    ...[0.8, 0.81, 0.82].map((top1, i) => ({
      setting: "few",
      method: "px",
      sparsity: 0.9,
      seed: i + 1,
      emptied: i,
      top1,
    })),
    ...[0.9, 0.9, 0.9].map((top1, i) => ({
      setting: "few",
      method: "random",
      sparsity: 0.9,
      seed: i + 1,
      emptied: 0,
      top1,
    })),
  ],
};

describe("tables", () => {
  test("give mean and sample deviation, mark the best and leave out what was not measured", () => {
    expect(shown.accuracyTable(results, "few")).toBe(
      ["| method | 90% |", "|---|---|", "| px | 81.0 ± 1.0 |", "| random | **90.0 ± 0.0** |"].join("\n"),
    );
  });

  test("say by how much PX loses", () => {
    expect(shown.marginTable(results, "few").split("\n").slice(2)).toEqual([
      "| random | 90.0 ± 0.0 | 90.0 | 90.0 | 90.0 | – | −9.0 |",
      "| px | 81.0 ± 1.0 | 80.0 | 81.0 | 82.0 | −9.0 | – |",
    ]);
  });

  test("name methods that empty layers", () => {
    expect(shown.emptiedText(results, "few")).toBe("Layers left without a weight: px 1 at 90%.");
  });

  test("take their places in the page, and no others", () => {
    const page = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
    expect(shown.refreshed(page, { x: "$1 new" })).toBe("a\n<!-- x -->\n$1 new\n<!-- /x -->\nb\n");
    expect(() => shown.refreshed(page, { y: "" })).toThrow("<!-- y -->");
  });
});

describe("docs/comparison.md", () => {
  const measured = openResults(join(docs, "comparison/results.json"));

  test("shows its results", () => {
    const page = readFileSync(join(docs, "comparison.md"), "utf8");
    expect(shown.refreshed(page, shown.blocksOf(measured))).toBe(page);
  });

  test.each(["before", "after"])("shows the picture %s.svg of its results", (setting) => {
    expect(readFileSync(join(docs, `comparison/${setting}.svg`), "utf8")).toBe(
      accuracySvg(shown.pictureOf(measured, setting)),
    );
  });
});

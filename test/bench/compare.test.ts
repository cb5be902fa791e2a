import { describe, expect, test } from "vitest";
import { compareResults, ratioInterval } from "../../bench/compare.js";
import { median } from "../../bench/result.js";
import { normals } from "../harness/random.js";
import { measurement, result } from "./fixtures.js";

const row = (name: string, samples: readonly number[]) => measurement({ name, samples, median: median(samples) });

/** Samples around a mean with a spread of 2%. */
const around = (mean: number, seed: number) => [...normals(9, seed, 0.02 * mean)].map((noise) => mean + noise);

const compareSamples = (before: readonly number[], after: readonly number[]) =>
  compareResults(result({ rows: [row("a", before)] }), result({ rows: [row("a", after)] })).rows[0];

describe("interval of a ratio", () => {
  test("covers the ratio of the true medians in about 95% of experiments", () => {
    const experiments = 60;
    let covered = 0;
    for (let i = 0; i < experiments; i++) {
      const [low, high] = ratioInterval(around(1, 2 * i + 1), around(1.5, 2 * i + 2));
      if (low <= 1.5 && 1.5 <= high) covered++;
    }
    expect(covered / experiments).toBeGreaterThan(0.88);
    expect(covered / experiments).toBeLessThan(1);
  });

  test("is the same each time", () => {
    expect(ratioInterval(around(1, 1), around(1, 2))).toEqual(ratioInterval(around(1, 1), around(1, 2)));
  });

  test("is a point where nothing varies", () => {
    expect(ratioInterval([2, 2, 2], [3, 3, 3])).toEqual([1.5, 1.5]);
  });
});

describe("verdicts", () => {
  test.each([
    ["faster", 10, 8],
    ["slower", 10, 12],
    ["no difference", 10, 10],
  ])("%s", (verdict, before, after) => {
    const compared = compareSamples(around(before, 3), around(after, 4));
    expect(compared.verdict).toBe(verdict);
    expect(compared.ratio).toBeCloseTo(after / before, 1);
    expect(compared.low).toBeLessThanOrEqual(compared.ratio);
    expect(compared.high).toBeGreaterThanOrEqual(compared.ratio);
  });

  test("small differences are none, however sure they are", () => {
    expect(compareSamples([1, 1, 1], [1.02, 1.02, 1.02]).verdict).toBe("no difference");
  });

  test("large differences are unclear where samples spread as much, and rows are named", () => {
    const [before, after] = [
      [1, 2, 3, 4, 5],
      [1.2, 2.6, 3.4, 4.4, 5.5],
    ];
    const rows = (samples: readonly number[], others: readonly string[] = []) =>
      result({ rows: ["a", ...others].map((name) => row(name, samples)) });
    const { rows: compared, warnings } = compareResults(rows(before), rows(after));
    expect(compared[0].verdict).toBe("unclear");
    expect(warnings).toEqual(["samples spread as far as the runs differ, which says nothing, in a; run both again"]);
    const others = ["b", "c", "d", "e", "f"];
    expect(compareResults(rows(before, others), rows(after, others)).warnings[0]).toContain("a, b, c, d and 2 more;");
  });
});

test("rows that only one bench has are named", () => {
  const before = result({ rows: [row("a", [1]), row("b", [1])] });
  const after = result({ rows: [row("b", [1]), row("c", [1])] });
  expect(compareResults(before, after)).toMatchObject({
    rows: [{ name: "b", ratio: 1 }],
    onlyBefore: ["a"],
    onlyAfter: ["c"],
    warnings: [],
  });
});

test("a filter leaves all other rows out", () => {
  const before = result({ rows: [row("a", [1]), row("ab", [1]), row("b", [1])] });
  const after = result({ rows: [row("ab", [1]), row("c", [1])] });
  expect(compareResults(before, after, /a/)).toMatchObject({
    rows: [{ name: "ab" }],
    onlyBefore: ["a"],
    onlyAfter: [],
  });
});

test("warns of other adapters, hosts, versions, tuning, and of interrupted benches", () => {
  const other = result({
    adapter: { ...result().adapter, description: "another" },
    host: { processor: "a processor", cores: 4 },
    versions: { ...result().versions, dawn: null },
    tuning: { "nt 8x8x8": "lane" },
    fallback: "tile",
    complete: false,
  });
  expect(compareResults(result(), other).warnings).toEqual([
    "the adapters differ: llvmpipe before, another after",
    "the hosts differ: a processor, 2 cores before, a processor, 4 cores after",
    "the versions of Dawn differ: 0.6.2 before, unknown after",
    "the kernels in place of wrong ones differ: none before, tile after",
    "the kernels that were tuned for the device differ for nt 8x8x8",
    "one of them was interrupted",
  ]);
});

test("tells devices of one driver apart", () => {
  const on = (device: string) => result({ adapter: { ...result().adapter, device } });
  expect(compareResults(on("H100"), on("H200")).warnings).toEqual([
    "the adapters differ: H100 (llvmpipe) before, H200 (llvmpipe) after",
  ]);
});

test("does not warn of tuning that a file does not tell", () => {
  expect(compareResults(result({ tuning: null }), result()).warnings).toEqual([]);
});

import { expect, test } from "vitest";
import { floorOf, median, parseResult, resultToJson } from "../../bench/result.js";
import { FormatError } from "../../src/errors.js";
import { measurement, result } from "./fixtures.js";

test("JSON gives back what was written", () => {
  const written = result({
    rows: [measurement(), measurement({ name: "b", flops: null, gflops: null, percent: null })],
    omitted: [{ name: "c", reason: "too large", failed: false }],
  });
  expect(parseResult(resultToJson(written), "a.json")).toEqual(written);
});

test("a file of an older version does not tell what was tuned", () => {
  const { tuning: _, fallback: __, ...older } = result();
  expect(parseResult(JSON.stringify(older), "a.json")).toMatchObject({ tuning: null, fallback: null });
});

test.each([
  ["{", "no JSON"],
  ["null", "schema undefined"],
  ['{"schema": 2}', "schema 2"],
  ['{"schema": 1}', "rows without samples"],
  [resultToJson(result({ rows: [measurement({ samples: [] })] })), "rows without samples"],
  [resultToJson({ ...result(), adapter: null as never }), "no adapter"],
])("refuses %.20j", (text, got) => {
  const read = () => parseResult(text, "a.json");
  expect(read).toThrow(FormatError);
  expect(read).toThrow(`a.json: expected what bench --out wrote, got ${got}`);
});

test("the floor is the larger of both times", () => {
  const ceilings = { arithmetic: 100, bandwidth: 10 };
  expect(floorOf(1e9, 1e7, ceilings)).toBe(10);
  expect(floorOf(1e9, 1e9, ceilings)).toBe(100);
  expect(floorOf(null, 1e7, ceilings)).toBe(1);
  expect(floorOf(null, null, ceilings)).toBe(0);
});

test("medians of odd and even counts", () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
});

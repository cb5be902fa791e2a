import { expect, test } from "vitest";
import { quote } from "../../src/io/text.js";

test.each([
  [-1, "-1"],
  [undefined, "undefined"],
  ['a"\u202eb\n', '"a\\"\\u202eb\\n"'],
  [[1, "a", null], '[1,"a",null]'],
  [{ a: 1, b: [] }, '{"a":1,"b":[]}'],
  [{ shape: [1, 2], more: { deep: 1 } }, '{"shape":[...],"more":{...}}'],
])("%j reads %s", (value, expected) => {
  expect(quote(value)).toBe(expected);
});

test("long values are cut at 80", () => {
  expect(quote("x".repeat(81))).toBe(`"${"x".repeat(75)}..."`);
  expect(quote("x".repeat(78))).toHaveLength(80);
  expect(quote(Array.from({ length: 1_000_000 }, (_, i) => i))).toHaveLength(79);
});

test("deep values need no stack", () => {
  let value: unknown = [];
  for (let level = 0; level < 200_000; level++) value = [value];
  expect(quote(value)).toBe("[[...]]");
  expect(quote({ a: value })).toBe('{"a":[...]}');
});

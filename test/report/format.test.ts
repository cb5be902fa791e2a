import { expect, it } from "vitest";
import {
  axisLabels,
  DASH,
  decimal,
  integer,
  percent,
  points,
  scientific,
  shortPercent,
  siPrefix,
} from "../../src/report/format.js";

it.each([percent, shortPercent, points, integer, decimal, siPrefix, scientific])(
  "%o prints a dash for no number",
  (print) => {
    for (const missing of [null, undefined, NaN, Infinity, -Infinity]) expect(print(missing)).toBe(DASH);
  },
);

it.each([
  [percent(0.7125), "71.25%"],
  [shortPercent(0.5), "50%"],
  [shortPercent(0.625), "62.5%"],
  [shortPercent(0.1 + 0.2), "30%"],
  [points(-0.01), "−1.00"],
  [points(0.025), "+2.50"],
  [points(-1e-9), "+0.00"],
  [integer(5_717_416), "5,717,416"],
  [decimal(1.30214), "1.3021"],
  [siPrefix(999), "999"],
  [siPrefix(999.6), "1 k"],
  [siPrefix(2.514e9), "2.51 G"],
  [siPrefix(5e15), "5000 T"],
  [scientific(0), "0"],
  [scientific(0.125), "0.125"],
  [scientific(1.25e-7), "1.25e-7"],
  [scientific(1e-10), "1e-10"],
  [scientific(-2e20), "−2e20"],
])("prints %s", (printed, expected) => {
  expect(printed).toBe(expected);
});

it.each([
  [
    [1e-4, 1e-3, 0.01, 1],
    ["1e-4", "1e-3", "1e-2", "1e0"],
  ],
  [
    [0, -1e-5, 100],
    ["0", "−1e-5", "1e2"],
  ],
  [
    [1e-3, 0.1, 10],
    ["0.001", "0.1", "10"],
  ],
  [
    [0.5001, 0.5002],
    ["0.5001", "0.5002"],
  ],
  [
    [1.00001e-7, 1.00002e-7, 1e-7],
    ["1.00001e-7", "1.00002e-7", "1e-7"],
  ],
  [
    [1, 1 + Number.EPSILON],
    ["1", "1.0000000000000002"],
  ],
  [
    [2, 2],
    ["2", "2"],
  ],
])("labels %j in one notation, apart where they differ", (values, labels) => {
  expect(axisLabels(values)).toEqual(labels);
});

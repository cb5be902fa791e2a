import { expect, it } from "vitest";
import { reportToJson } from "../../src/report/index.js";
import { deitReport, weirdReport } from "./fixtures.js";

it("keeps every value of a report", () => {
  expect(JSON.parse(reportToJson(deitReport()))).toEqual(deitReport());
});

it("writes null for numbers that JSON cannot hold", () => {
  const { dense, runs } = JSON.parse(reportToJson(weirdReport()));
  expect(dense).toEqual({ top1: null, top5: null, loss: null, examples: 0, nonFinite: 0 });
  expect(runs[0].rounds[0].threshold).toBeNull();
});

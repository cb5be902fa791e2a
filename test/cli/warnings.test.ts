import { expect, test } from "vitest";
import { classWarnings } from "../../src/cli/warnings.js";
import { arrayDataset, inputSpec } from "../../src/io/index.js";
import { tinyConfig } from "../harness/tiny-vit.js";

const named = (...classes: [number, string][]) =>
  arrayDataset(
    { shape: [1, 1, 8, 8], data: new Float32Array(64), labels: [0], classNames: new Map(classes) },
    inputSpec(tinyConfig()),
    "photos",
  );

test("fewer folders than classes, numbered by name, may be other classes", () => {
  expect(classWarnings(named([0, "cat"], [1, "dog"]))).toEqual([
    "photos has 2 class folders, taken as classes 0 to 1 of 4; if they are others, put a classes.json beside them.",
  ]);
});

test("folders that a classes.json names, or as many as classes, are taken at their word", () => {
  expect(classWarnings(named([1, "cat"], [3, "dog"]))).toEqual([]);
  expect(classWarnings(named([0, "a"], [1, "b"], [2, "c"], [3, "d"]))).toEqual([]);
});

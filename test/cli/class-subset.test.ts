import { expect, it } from "vitest";
import { ClassSubsetMeter } from "../../src/cli/class-subset.js";
import type { Dataset } from "../../src/io/index.js";

const dataset = (classNames?: ReadonlyMap<number, string>): Dataset => ({
  source: "data",
  length: 2,
  numClasses: 4,
  classNames,
  sampleShape: [1],
  labels: Int32Array.of(3, 1),
  read: async () => new Float32Array(2),
});

it("counts answers among the classes of the data only", () => {
  const names = new Map([
    [3, "c"],
    [1, "a"],
  ]);
  const meter = ClassSubsetMeter.for(dataset(names))!;
  // Among all classes both answers are wrong: 0, and 2.
  meter.add(Float32Array.of(9, 1, 5, 2, 0, 1, 8, 2), Int32Array.of(3, 1));
  expect(meter.classes).toBe(2);
  expect(meter.top1).toBe(0.5);
});

it("counts an answer that is not finite as wrong", () => {
  const meter = ClassSubsetMeter.for(dataset(new Map([[1, "a"]])))!;
  meter.add(Float32Array.of(0, 1, Number.NaN, 0, 0, 1, 2, 0), Int32Array.of(1, 1));
  expect(meter.top1).toBe(0.5);
});

it("is absent where the data have no names or every class", () => {
  expect(ClassSubsetMeter.for(dataset())).toBeUndefined();
  expect(ClassSubsetMeter.for(dataset(new Map([0, 1, 2, 3].map((label) => [label, `${label}`]))))).toBeUndefined();
});

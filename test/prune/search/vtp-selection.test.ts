import { describe, expect, test } from "vitest";
import { type GateRow, publishedGates, removeGates } from "../../../src/prune/search/vtp-selection.js";
import { normals } from "../../harness/random.js";

const row = (name: string, values: readonly number[], runs?: number): GateRow => ({
  name,
  values: Float32Array.from(values),
  runs,
});

const stay = (count: number) => (kept: ReadonlyMap<string, number>) =>
  [...kept.values()].reduce((sum, n) => sum + n, 0) <= count;

const text = (kept: ReadonlyMap<string, Uint8Array>) =>
  Object.fromEntries(Array.from(kept, ([name, bits]) => [name, bits.join("")]));

describe("exact counts", () => {
  test("the smallest magnitudes over all places go, whatever their sign", () => {
    const rows = [row("a", [0.5, -0.1, 0.3, -0.9]), row("b", [-0.2, 0.4, 0.05])];
    expect(text(removeGates(rows, stay(4)))).toEqual({ a: "1011", b: "010" });
    expect(text(removeGates(rows, stay(7)))).toEqual({ a: "1111", b: "111" });
  });

  test("of equal magnitudes the first go, and a place keeps its last gate", () => {
    const rows = [row("a", [0, 0, 0]), row("b", [1, 1, 1])];
    expect(text(removeGates(rows, stay(4)))).toEqual({ a: "001", b: "111" });
    expect(text(removeGates(rows, stay(3)))).toEqual({ a: "001", b: "011" });
    expect(text(removeGates(rows, () => false))).toEqual({ a: "001", b: "001" });
  });

  test("any number of gates is met to the gate, and what goes is smaller than what stays", () => {
    const rows = [0, 1, 2].map((i) => row(`${i}`, [...normals(17 + i, 40 + i)]));
    const magnitudes = rows.flatMap(({ values }) => [...values].map(Math.abs));
    for (let count = 3; count <= magnitudes.length; count++) {
      const kept = [...removeGates(rows, stay(count)).values()].flatMap((bits) => [...bits]);
      expect(kept.reduce((sum, bit) => sum + bit, 0)).toBe(count);
      // Further down the last gate of a place may stay below others that go.
      if (count < 12) continue;
      const least = Math.min(...magnitudes.filter((_, i) => kept[i]));
      expect(Math.max(0, ...magnitudes.filter((_, i) => !kept[i]))).toBeLessThanOrEqual(least);
    }
  });
});

describe("equal counts in runs", () => {
  // Heads of three: the ranking alone leaves the first two and the second one channel.
  const rows = [row("out", [0.9, 0.8, 0.1, 0.7, 0.05, 0.06], 2), row("in", [0.3, 0.2])];

  test("each run keeps its own largest", () => {
    expect(text(removeGates(rows, stay(6)))).toEqual({ out: "110101", in: "11" });
    expect(text(removeGates(rows, stay(4)))).toEqual({ out: "100100", in: "10" });
  });

  test("at least one in each, whatever is asked", () => {
    expect(text(removeGates(rows, () => false))).toEqual({ out: "100100", in: "10" });
  });

  test("counts of runs stay equal for any amount", () => {
    const random = [row("out", [...normals(24, 7)], 4), row("in", [...normals(20, 8)])];
    for (let count = 44; count >= 8; count--) {
      const bits = removeGates(random, stay(count)).get("out")!;
      const runs = [0, 6, 12, 18].map((start) => bits.subarray(start, start + 6).reduce((sum, bit) => sum + bit, 0));
      expect(new Set(runs).size).toBe(1);
    }
  });
});

test("multiples: the nearest in each run, at least one of them, at most all", () => {
  const rows = [
    { ...row("out", [...normals(24, 7)], 2), multiple: 4 },
    { ...row("in", [...normals(10, 8)]), multiple: 4 },
  ];
  for (let count = 34; count >= 12; count--) {
    const kept = removeGates(rows, stay(count));
    const [out, inputs] = ["out", "in"].map((name) => kept.get(name)!.reduce((sum, bit) => sum + bit, 0));
    expect([8, 16, 24]).toContain(out);
    expect([4, 8, 10]).toContain(inputs);
    expect(out + inputs).toBeLessThanOrEqual(count);
  }
});

describe("the re-implementation's rule", () => {
  test("the threshold itself goes too: one more than asked", () => {
    const rows = [row("a", [0.1, 0.2, 0.3, 0.4]), row("b", [-0.5, 0.6, -0.7, 0.8])];
    expect(text(publishedGates(rows, 0.5))).toEqual({ a: "0000", b: "0111" });
  });

  test("with the smallest as the threshold one goes where none was asked for", () => {
    expect(text(publishedGates([row("a", [0.2, 0.1])], 0))).toEqual({ a: "10" });
  });

  test("a row with runs takes gates back until their number divides, wherever they lie", () => {
    const rows = [row("out", [0.9, 0.8, 0.7, 0.55, 0.2, 0.1], 2), row("in", [0.6, 0.65, 0.3, 0.31])];
    // Threshold 0.6 (number 5 of 10) keeps three of "out"; lowered, it takes 0.55 back, though the first head has three then and the second one.
    expect(text(publishedGates(rows, 0.5))).toEqual({ out: "111100", in: "0100" });
  });
});

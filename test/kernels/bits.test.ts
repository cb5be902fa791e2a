import { expect, test } from "vitest";
import { packBits, unpackBits } from "../../src/kernels/bits.js";

test("packBits puts element i into bit i & 31 of word i >> 5", () => {
  const values = new Uint8Array(70);
  values[0] = values[33] = values[69] = 1;
  expect([...packBits(values)]).toEqual([1, 2, 32]);
  expect([...packBits([0, 0.5, Number.NaN])]).toEqual([6]);
});

test("unpackBits inverts packBits, also from the middle", () => {
  const values = Uint8Array.from({ length: 101 }, (_, i) => ((i * i) % 3) & 1);
  expect(unpackBits(packBits(values), 101)).toEqual(values);
  expect(unpackBits(packBits(values), 40, 37)).toEqual(values.slice(37, 77));
});

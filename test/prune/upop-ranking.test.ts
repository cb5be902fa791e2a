/** UPop's unified ranking, on the host. */
import { describe, expect, test } from "vitest";
import { type GateGradients, rankGates } from "../../src/prune/index.js";
import { normals } from "../harness/random.js";

/** Places of two kinds and sizes, with other means and spreads. */
function places(seed: number, costs = { attn: 12, mlp: 1 }): GateGradients[] {
  const of = (key: string, kind: "attn" | "mlp", length: number, salt: number, scale: number, shift: number) => ({
    key,
    kind,
    cost: costs[kind],
    gradients: normals(length, 100 * seed + salt, scale).map((value) => value + shift),
  });
  return [
    of("0.attn", "attn", 8, 1, 3, -2),
    of("1.attn", "attn", 6, 2, 1, 0.5),
    of("0.mlp", "mlp", 37, 3, 0.02, 0.1),
    of("1.mlp", "mlp", 64, 4, 0.01, -0.05),
  ];
}

const keptOf = (groups: readonly GateGradients[], part: number) =>
  Object.fromEntries([...rankGates(groups, part).kept].map(([key, kept]) => [key, Array.from(kept)]));

const change = (groups: readonly GateGradients[], key: RegExp, fn: (gradient: number) => number) =>
  groups.map((group) => (key.test(group.key) ? { ...group, gradients: group.gradients.map(fn) } : group));

describe("standardised gradients", () => {
  test("have mean 0 and deviation 1 (n - 1) over each kind, whatever their place", () => {
    const { standardised } = rankGates(places(1), 0.5);
    for (const kind of ["attn", "mlp"]) {
      const values = [...standardised].flatMap(([key, of]) => (key.endsWith(kind) ? [...of] : []));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
      expect(mean).toBeCloseTo(0, 12);
      expect(variance).toBeCloseTo(1, 12);
    }
  });

  test("are blind to the scale and the offset of a kind: of L1 penalties, and of how long was accumulated", () => {
    // Powers of two and their sums keep float32 exact enough not to change an order.
    const other = change(
      change(places(2), /attn/, (g) => 1024 * g),
      /mlp/,
      (g) => g * 4,
    );
    for (const part of [0.1, 0.37, 0.5, 0.9]) expect(keptOf(other, part)).toEqual(keptOf(places(2), part));
    const shifted = change(places(2), /mlp/, (g) => g + 0.0625);
    expect(keptOf(shifted, 0.5)).toEqual(keptOf(places(2), 0.5));
  });

  test("do depend on what shares a kind: modalities are pooled before, not after", () => {
    const vision = places(3);
    const language = change(places(4), /./, (g) => 5 * g + 1).map((group) => ({ ...group, key: `text.${group.key}` }));
    const apart = language.map((group) => ({ ...group, kind: `text.${group.kind}` }));
    const pooled = keptOf([...vision, ...language], 0.5);
    expect(pooled).not.toEqual(keptOf([...vision, ...apart], 0.5));
    const { standardised } = rankGates([...vision, ...language], 0.5);
    const all = [...standardised].flatMap(([key, of]) => (key.endsWith("attn") ? [...of] : []));
    expect(all.length).toBe(28);
    expect(all.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 10);
  });
});

describe("the threshold", () => {
  /** What is to stay by the rule read literally: of all values as thresholds the one whose summed cost is nearest, the highest of equals. */
  function literally(groups: readonly GateGradients[], part: number): Record<string, number[]> {
    const { standardised } = rankGates(groups, part);
    const gates = groups.flatMap(({ key, cost }) => [...standardised.get(key)!].map((value) => ({ value, cost })));
    const total = gates.reduce((sum, { cost }) => sum + cost, 0);
    const distance = (threshold: number) =>
      Math.abs(gates.reduce((sum, { value, cost }) => sum + (value >= threshold ? cost : 0), 0) - part * total);
    const best = gates
      .map(({ value }) => value)
      .reduce((a, b) => (distance(b) < distance(a) || (distance(b) === distance(a) && b > a) ? b : a));
    return Object.fromEntries(
      [...standardised].map(([key, of]) => [
        key,
        [...of].map((value) => Number(value <= best || value === Math.min(...of))),
      ]),
    );
  }

  test.each([1, 2, 3, 4, 5, 6])("is that of the rule read literally (seed %i)", (seed) => {
    for (const costs of [
      { attn: 12, mlp: 1 },
      { attn: 24.0078, mlp: 1 },
      { attn: 134, mlp: 33 },
    ]) {
      for (const part of [0.03, 0.25, 0.5, 0.77, 0.99]) {
        expect(keptOf(places(seed, costs), part)).toEqual(literally(places(seed, costs), part));
      }
    }
  });

  test("counts what a gate costs", () => {
    const groups = (cost: number): GateGradients[] => [
      { key: "attn", kind: "attn", cost, gradients: Float32Array.of(1, -1) }, // 0.71, -0.71
      { key: "mlp", kind: "mlp", cost: 1, gradients: Float32Array.of(2, 1, 0, -1, -2) }, // 1.26, 0.63, 0, -0.63, -1.26
    ];
    // The threshold's own gate stays: of 4.2 wanted the summed cost is 4 at 0, of 51 it is 44 at -0.63.
    expect(keptOf(groups(1), 0.6)).toEqual({ attn: [0, 1], mlp: [0, 0, 1, 1, 1] });
    expect(keptOf(groups(40), 0.6)).toEqual({ attn: [0, 1], mlp: [0, 0, 0, 1, 1] });
  });

  test("follows the gates, in whichever order places and gates come", () => {
    const reversed = places(8)
      .map((group) => ({ ...group, gradients: group.gradients.toReversed() }))
      .reverse();
    const kept = keptOf(reversed, 0.6);
    for (const [key, bits] of Object.entries(keptOf(places(8), 0.6))) expect(kept[key].toReversed()).toEqual(bits);
  });
});

test("the lowest of each place stays, however high it is, and all that equal it", () => {
  const groups: GateGradients[] = [
    { key: "a", kind: "mlp", cost: 1, gradients: Float32Array.of(50, 40, 60, 40) },
    { key: "b", kind: "mlp", cost: 1, gradients: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) },
  ];
  expect(keptOf(groups, 0.5)).toEqual({
    a: [0, 1, 0, 1],
    b: [1, 1, 1, 1, 1, 1, 1, 1, 0, 0],
  });
  expect(keptOf(groups, 0.99)).toEqual({ a: [0, 1, 0, 1], b: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses gradients of %d", (wrong) => {
  const groups = places(9);
  groups[2].gradients[5] = wrong;
  expect(() => rankGates(groups, 0.5)).toThrow(
    `upop: expected finite gradients of the gates 0.mlp, got ${wrong}; lower`,
  );
});

test("refuses a kind whose gradients are all equal, and one of a single gate", () => {
  const equal = change(places(9), /attn/, () => 0.25);
  expect(() => rankGates(equal, 0.5)).toThrow("upop: expected attn gates whose gradients differ, got 14 equal to 0.25");
  const single = [...places(9), { key: "x", kind: "cross", cost: 1, gradients: Float32Array.of(2) }];
  expect(() => rankGates(single, 0.5)).toThrow("expected cross gates whose gradients differ, got 1 equal to 2");
});

describe("multiples", () => {
  const MULTIPLES: Record<string, number> = { "0.attn": 4, "1.attn": 4, "0.mlp": 16, "1.mlp": 16 };
  const rounding = (groups: readonly GateGradients[]) =>
    groups.map((group) => ({ ...group, multiple: MULTIPLES[group.key] }));
  const removed = (groups: readonly GateGradients[], kept: Record<string, readonly number[]>) =>
    groups.reduce((sum, { key, cost }) => sum + cost * kept[key].filter((bit) => bit === 0).length, 0);

  test("places keep the lowest of their gates, a multiple of them or all", () => {
    for (let percent = 5; percent < 95; percent += 5) {
      const groups = rounding(places(3));
      const { kept, standardised } = rankGates(groups, percent / 100);
      for (const { key, multiple } of groups) {
        const bits = kept.get(key)!;
        const values = [...standardised.get(key)!];
        const stay = values.filter((_, gate) => bits[gate] === 1);
        expect(stay.length % multiple === 0 || stay.length === bits.length, `${key} at ${percent}%`).toBe(true);
        expect(stay.length).toBeGreaterThanOrEqual(multiple);
        expect(stay).toEqual(values.filter((value) => value <= Math.max(...stay)));
      }
    }
  });

  test("what goes is as near to the part as rounding lets any threshold come", () => {
    const groups = rounding(places(4));
    const total = removed(
      groups,
      Object.fromEntries(groups.map(({ key, gradients }) => [key, Array(gradients.length).fill(0)])),
    );
    const parts = Array.from({ length: 99 }, (_, i) => (i + 1) / 100);
    const reached = new Set(parts.map((part) => removed(groups, keptOf(groups, part))));
    expect(reached.size).toBeGreaterThan(4);
    for (const part of parts) {
      const off = Math.abs(removed(groups, keptOf(groups, part)) - part * total);
      expect(off).toBe(Math.min(...[...reached].map((cost) => Math.abs(cost - part * total))));
    }
  });

  test("gates that tie go one by one, as their cost is counted", () => {
    const values = [...Array(8).fill(2), ...Array.from({ length: 8 }, (_, i) => -i / 10)];
    const place = { key: "a", kind: "mlp", cost: 1, multiple: 4, gradients: Float32Array.from(values) };
    expect(keptOf([place], 0.25).a).toEqual([0, 0, 0, 0, ...Array(12).fill(1)]);
  });

  test("a place of another length keeps all while its gates are not reached", () => {
    const groups = rounding(places(3));
    const { kept } = rankGates(groups, 0.02);
    expect(groups.some(({ key }) => kept.get(key)!.length % MULTIPLES[key] !== 0 && !kept.get(key)!.includes(0))).toBe(
      true,
    );
  });

  test.each([0, -4, 2.5, Number.NaN])("a multiple of %s is refused", (multiple) => {
    expect(() => rankGates([{ ...places(1)[0], multiple }], 0.5)).toThrow(
      `multipleOf: expected a count from 1, got ${multiple}`,
    );
  });

  test("a multiple of one rounds nothing", () => {
    const ones = places(5).map((group) => ({ ...group, multiple: 1 }));
    for (const part of [0.1, 0.5, 0.9]) expect(keptOf(ones, part)).toEqual(keptOf(places(5), part));
  });
});

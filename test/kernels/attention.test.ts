import { describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { planAttention } from "../../src/kernels/attention-variant.js";

const device = (subgroupSize: number, software = true) =>
  ({ features: new Set(["subgroups"]), info: { subgroupSize, software } }) as unknown as Gpu;

describe("the kernel for attention", () => {
  test.each([
    { headDim: 16, variant: "short" },
    { headDim: 13, variant: "short" },
    { headDim: 20, variant: "lane" },
    { headDim: 18, variant: "row" },
  ])("heads of $headDim run the $variant variant on software", ({ headDim, variant }) => {
    expect(planAttention(device(8), { headDim, rows: 17 }).variant).toBe(variant);
    expect(planAttention(device(32, false), { headDim, rows: 17 }).variant).toBe("row");
  });

  test.each([
    { lanes: 8, rows: 3, own: 2 },
    { lanes: 8, rows: 17, own: 3 },
    { lanes: 8, rows: 32, own: 4 },
    { lanes: 8, rows: 33, own: 3 },
    { lanes: 8, rows: 50, own: 4 },
    { lanes: 4, rows: 17, own: 3 },
    { lanes: 4, rows: 9, own: 3 },
  ])("$rows rows among $lanes lanes: $own a lane", ({ lanes, rows, own }) => {
    const plan = planAttention(device(lanes), { headDim: 16, rows });
    expect(plan.rows).toBe(own * lanes);
    expect(plan.constants).toMatchObject({
      LANES: lanes,
      OWN: own,
      Own: `vec${own}f`,
      Block: `mat4x${own}f`,
      DEPTH: 4,
    });
  });

  test("what a device or shape cannot run is refused", () => {
    const on = (lanes: number, headDim: number, variant: "short" | "lane") => () =>
      planAttention(device(lanes), { headDim, rows: 17 }, variant);
    expect(on(32, 16, "short")).toThrow(
      /short variant: expected subgroups of 4 or 8 and a head dimension up to 16, got 32 and 16/,
    );
    expect(on(8, 36, "short")).toThrow(/a head dimension up to 16, got 8 and 36/);
    expect(on(8, 18, "lane")).toThrow(/lane variant: .* a head dimension in steps of 4, got 8 and 18/);
  });
});

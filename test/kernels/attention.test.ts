import { describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { attentionGrad } from "../../src/kernels/attention.js";
import { planAttention } from "../../src/kernels/attention-variant.js";
import { sharedGpu } from "../harness/gpu.js";

const device = (subgroupSize: number, software = true) =>
  ({ features: new Set(["subgroups"]), info: { subgroupSize, software } }) as unknown as Gpu;

/** As many keys as queries in 12 heads. */
const square = (rows: number, headDim: number, heads = 12) => ({ headDim, rows, others: rows, heads });

describe("the kernel for attention", () => {
  test.each([
    { lanes: 8, headDim: 16, variant: "stream" },
    { lanes: 8, headDim: 127, variant: "stream" },
    { lanes: 8, headDim: 132, variant: "lane" },
    { lanes: 8, headDim: 130, variant: "row" },
    { lanes: 4, headDim: 16, variant: "short" },
    { lanes: 4, headDim: 13, variant: "short" },
    { lanes: 4, headDim: 20, variant: "lane" },
    { lanes: 4, headDim: 18, variant: "row" },
  ])("heads of $headDim run the $variant variant on subgroups of $lanes of software", ({ lanes, headDim, variant }) => {
    expect(planAttention(device(lanes), square(17, headDim)).variant).toBe(variant);
    expect(planAttention(device(32, false), square(17, headDim)).variant).toBe("row");
  });

  test.each([
    { keys: 1, headDim: 16, groups: 1, held: 1, all: true },
    { keys: 17, headDim: 16, groups: 3, held: 17, all: true },
    { keys: 56, headDim: 16, groups: 7, held: 56, all: true },
    { keys: 57, headDim: 16, groups: 4, held: 32, all: false },
    { keys: 56, headDim: 64, groups: 7, held: 56, all: true },
    { keys: 197, headDim: 64, groups: 5, held: 40, all: false },
    { keys: 56, headDim: 68, groups: 4, held: 32, all: false },
    { keys: 17, headDim: 128, groups: 3, held: 17, all: true },
  ])("of $keys keys of $headDim elements $held stay at once", ({ keys, headDim, groups, held, all }) => {
    const { constants } = planAttention(device(8), square(keys, headDim));
    expect(constants).toMatchObject({ LANES: 8, DEPTH: headDim / 4, GROUPS: groups, HELD: held, ALL: all });
  });

  test.each([
    { rows: 197, heads: 24, tiles: 1 },
    { rows: 197, heads: 3, tiles: 5 },
    { rows: 17, heads: 1, tiles: 1 },
    { rows: 577, heads: 1, tiles: 15 },
  ])("$rows queries of $heads heads are $tiles workgroups a head", ({ rows, heads, tiles }) => {
    expect(planAttention(device(8), square(rows, 64, heads)).tiles).toBe(tiles);
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
    const plan = planAttention(device(lanes), square(rows, 16), "short");
    expect(plan.tiles).toBe(Math.ceil(rows / (own * lanes)));
    expect(plan.constants).toMatchObject({
      LANES: lanes,
      OWN: own,
      Own: `vec${own}f`,
      Block: `mat4x${own}f`,
      DEPTH: 4,
    });
  });

  test("what a device or shape cannot run is refused", () => {
    const on = (lanes: number, headDim: number, variant: "stream" | "short" | "lane") => () =>
      planAttention(device(lanes), square(17, headDim), variant);
    expect(on(32, 16, "short")).toThrow(
      /short variant: expected subgroups of 4 or 8 and a head dimension up to 16, got 32 and 16/,
    );
    expect(on(8, 36, "short")).toThrow(/a head dimension up to 16, got 8 and 36/);
    expect(on(8, 18, "lane")).toThrow(/lane variant: .* a head dimension in steps of 4, got 8 and 18/);
    expect(on(4, 68, "stream")).toThrow(/stream variant: .* a head dimension up to 16 a lane, got 4 and 68/);
  });
});

test("a gradient by gates of heads is refused without the gates", async () => {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const [qkv, out, logsumexp, dOut, dQkv, dHeadGate] = Array.from({ length: 6 }, () => gpu.allocate(64));
  const buffers = { qkv, out, logsumexp, dOut, dQkv, dHeadGate };
  const size = { batch: 1, tokens: 1, heads: 1, headDim: 4 };
  expect(() => attentionGrad(gpu, buffers, size)).toThrow(/^attentionGrad: dHeadGate: expected headGate with it/);
});

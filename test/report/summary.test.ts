import { describe, expect, it } from "vitest";
import { countKept, keptFlops, keptParameters, layerDensity, overallDensity } from "../../src/report/index.js";

describe("layerDensity", () => {
  it.each([
    ["blocks.3.attn.qkv.weight", "blocks.3", "qkv"],
    ["blocks.11.mlp.fc2.weight", "blocks.11", "fc2"],
    ["patch_embed.proj.weight", "patch_embed", "patch_embed"],
    ["head.weight", "head", "head"],
    ["head_dist.weight", "head_dist", "head_dist"],
    ["layer1.0.conv2.weight", "layer1.0", "conv2"],
    ["layer1.0.downsample.0.weight", "layer1.0", "downsample"],
    ["blocks.3.shortcut.0.weight", "blocks.3", "shortcut"],
    ["layers.14.conv.weight", "layers.14", "conv"],
    ["layers.2.weight", "layers.2", "layers"],
    ["weight", "weight", "weight"],
    ["", "", ""],
  ])("reads the place of %s", (name, group, kind) => {
    expect(layerDensity(name, [2, 3], 4)).toEqual({ name, group, kind, shape: [2, 3], total: 6, kept: 4, flops: null });
  });
});

describe("what is kept", () => {
  it("of parameters is what no mask removes", () => {
    const masks = [{ data: Uint8Array.of(1, 0, 0) }, { data: Uint8Array.of(0) }];
    expect(keptParameters(1000, masks)).toBe(997);
    expect(keptParameters(null, masks)).toBeNull();
  });

  it("of FLOPs is what the layers did not lose", () => {
    const layers = [layerDensity("a", [10, 10], 25, 2000), layerDensity("b", [5, 10], 50, 1000)];
    expect(keptFlops(5000, layers)).toBe(3500);
  });

  it("of FLOPs is not known when a pruned layer's are not", () => {
    expect(keptFlops(5000, [layerDensity("a", [10], 5)])).toBeNull();
    expect(keptFlops(5000, [layerDensity("a", [10], 10)])).toBe(5000);
    expect(keptFlops(null, [layerDensity("a", [10], 5, 20)])).toBeNull();
  });
});

it("counts kept entries and the density of all layers", () => {
  expect(countKept(Uint8Array.of(1, 0, 1, 255))).toBe(3);
  expect(overallDensity([layerDensity("a", [10], 5), layerDensity("b", [30], 25)])).toEqual({
    kept: 30,
    total: 40,
    density: 0.75,
  });
  expect(overallDensity([]).density).toBeNull();
});

import { describe, expect, it } from "vitest";
import { countKept, keptCost, layerDensity, overallDensity } from "../../src/report/index.js";

describe("layerDensity", () => {
  it.each([
    ["blocks.3.attn.qkv.weight", "blocks.3", "qkv"],
    ["blocks.11.mlp.fc2.weight", "blocks.11", "fc2"],
    ["patch_embed.proj.weight", "patch_embed", "patch_embed"],
    ["head.weight", "head", "head"],
    ["head_dist.weight", "head_dist", "head_dist"],
    ["layer1.0.conv2.weight", "layer1.0", "conv2"],
    ["layers.2.weight", "layers.2", "layers"],
    ["weight", "weight", "weight"],
    ["", "", ""],
  ])("reads the place of %s", (name, group, kind) => {
    expect(layerDensity(name, [2, 3], 4)).toEqual({ name, group, kind, shape: [2, 3], total: 6, kept: 4, flops: null });
  });
});

describe("keptCost", () => {
  const model = { parameters: 1000, flops: 5000 };

  it("takes off what the layers lost", () => {
    const layers = [layerDensity("a", [10, 10], 25, 2000), layerDensity("b", [5, 10], 50, 1000)];
    expect(keptCost(model, layers)).toEqual({ parameters: 925, flops: 3500 });
  });

  it("does not know FLOPs when a pruned layer's are unknown", () => {
    expect(keptCost(model, [layerDensity("a", [10], 5)])).toEqual({ parameters: 995, flops: null });
    expect(keptCost(model, [layerDensity("a", [10], 10)])).toEqual(model);
    expect(keptCost({ parameters: null, flops: null }, [layerDensity("a", [10], 5, 20)])).toEqual({
      parameters: null,
      flops: null,
    });
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

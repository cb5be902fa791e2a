/** Exits of a ViT: classifiers that learn beside its own, and the network up to one of them. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { parseModelConfig, viTConfigToJson } from "../../src/io/index.js";
import { addExits, atDepth, depthsOf, type HostViT, TrainingPass, ViT } from "../../src/nn/index.js";
import { Tensor } from "../../src/tensor/index.js";
import { TrainingStep } from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";
import { noisyWeights, tinyConfig } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const dense = (changes: Record<string, unknown> = {}): HostViT => {
  const config = tinyConfig({ depth: 3, ...changes });
  return { config, weights: noisyWeights(config, 1) };
};

/** With noise on the exits too, so that their norms matter. */
function withExits(host: HostViT): HostViT {
  const { config, weights } = addExits(host, [1, 2], 7);
  const noisy = noisyWeights(config, 5);
  return {
    config,
    weights: new Map([...weights].map(([name, w]) => [name, name.startsWith("exits.") ? noisy.get(name)! : w])),
  };
}

describe("exits", () => {
  test("start fresh, stay where they are there already, and are written to the config", () => {
    const host = dense();
    const { config, weights } = addExits(host, [1, 2], 7);
    expect(depthsOf(config)).toEqual([1, 2, 3]);
    expect(weights.get("blocks.1.mlp.fc1.weight")).toBe(host.weights.get("blocks.1.mlp.fc1.weight"));
    expect(weights.get("exits.2.norm.weight")!.data.every((value) => value === 1)).toBe(true);
    expect(weights.get("exits.1.head.weight")).toMatchObject({ shape: [4, 16] });
    expect(addExits({ config, weights }, [1, 2], 8).weights.get("exits.1.head.weight")).toBe(
      weights.get("exits.1.head.weight"),
    );
    expect(parseModelConfig(viTConfigToJson(config), "config.json")).toEqual(config);
  });

  test.each([{}, { pool: "avg" }])("compute what the network up to them does (%o)", async (changes) => {
    const host = withExits(dense(changes));
    const images = Tensor.from(gpu, normals(3 * 64, 2), [3, 1, 8, 8]);
    const labels = Tensor.from(gpu, Uint32Array.of(0, 1, 3));
    const model = new ViT(gpu, host.config, host.weights);
    const output = model.forward(images, { training: new TrainingPass(Tensor.zeros(gpu, [2], "u32")) });
    const step = new TrainingStep(images, labels, output, 0);
    let losses = 0;
    for (const [index, depth] of depthsOf(host.config).entries()) {
      const cut = atDepth(host, depth);
      expect(cut.config.blocks).toHaveLength(depth);
      expect(cut.config).not.toHaveProperty("exits");
      const shallow = new ViT(gpu, cut.config, cut.weights);
      const { logits } = shallow.forward(images);
      const trained = output.exits![index] ?? output.logits;
      expect(Array.from(await trained.read())).toEqual(Array.from(await logits.read()));
      losses += (await step.crossEntropy(logits).read())[0];
      shallow.release();
    }
    expect((await step.loss.read())[0]).toBeCloseTo(losses, 5);
    expect(model.forward(images)).not.toHaveProperty("exits");
    model.release();
  });

  test("are refused where they make no sense", () => {
    for (const exits of [[], [0], [3], [2, 1], [1.5]]) {
      expect(() => addExits(dense(), exits, 1), `${exits}`).toThrow(
        "exits: expected ascending depths from 1 to below 3",
      );
    }
    expect(() => addExits(dense({ distilled: true }), [1], 1)).toThrow("one classifier");
    expect(() => atDepth(dense(), 2)).toThrow("depth: expected 3, behind which");
    expect(() => parseModelConfig({ ...viTConfigToJson(tinyConfig()), exits: [2] }, "config.json")).toThrow(
      /"exits" to be ascending depths/,
    );
  });
});

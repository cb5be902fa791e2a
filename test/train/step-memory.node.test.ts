/** Memory of whole training steps, counted in bytes: they are recorded and never run. */
import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { parseModelConfig } from "../../src/io/index.js";
import { architectureOf, TrainingPass } from "../../src/nn/index.js";
import { backward, crossEntropy, mean, Tensor } from "../../src/tensor/index.js";
import { ADAMW_DEFAULTS, AdamW } from "../../src/train/optimizer.js";
import { sharedGpu } from "../harness/gpu.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

interface Extents {
  readonly image: number;
  readonly patch: number;
  readonly width: number;
  readonly heads: number;
  readonly depth: number;
  readonly classes: number;
}

/** Values that the gradients of a block need: its input, both norms' results, q, k, v, the context and the sum in between, and the neurons twice. */
const savedByBlock = (rows: number, width: number): number => rows * (8 * width + 2 * 4 * width);

/** Bytes at the peak of a training step of a ViT, and of what it cannot do without. */
function countStep({ image, patch, width, heads, depth, classes }: Extents, batch: number) {
  const sizes = { img_size: image, patch_size: patch, embed_dim: width, num_heads: heads, depth, num_classes: classes };
  const architecture = architectureOf(parseModelConfig(sizes, "test"));
  gpu.trim();
  gpu.resetPeak();
  const before = gpu.memory.inUse;
  const model = architecture.create(gpu, architecture.initialWeights(1));
  const optimizer = new AdamW(gpu, model.parameters, ADAMW_DEFAULTS);
  const images = Tensor.zeros(gpu, [batch, ...model.sampleShape]);
  const labels = Tensor.zeros(gpu, [batch], "u32");
  const draws = Tensor.zeros(gpu, [2], "u32");
  using recording = gpu.record(() => {
    using scope = gpu.scope();
    const { logits } = model.forward(images, { training: new TrainingPass(draws) });
    const loss = mean(crossEntropy({ logits, labels }, { smoothing: 0 }));
    optimizer.update(backward(loss));
    return scope.promote(loss);
  });
  const peak = gpu.memory.peak - before;
  const rows = batch * ((image / patch) ** 2 + 1);
  const weights = model.parameters.count;
  // Beside weights and moments the images, which the patches repeat, and what the blocks keep.
  const needed = 4 * (3 * weights + 2 * images.size + depth * savedByBlock(rows, width));
  recording.release();
  optimizer.release();
  model.release();
  for (const tensor of [images, labels, draws]) gpu.release(tensor);
  return { peak, needed };
}

test.each([
  ["a small ViT", { image: 32, patch: 4, width: 64, heads: 4, depth: 4, classes: 10 }, 32],
  ["DeiT-tiny", { image: 224, patch: 16, width: 192, heads: 3, depth: 12, classes: 1000 }, 8],
] as const)(
  "a training step of %s needs at most 1.2 times the bytes of weights, moments and saved activations",
  (_, extents, batch) => {
    const inUse = gpu.memory.inUse;
    const { peak, needed } = countStep(extents, batch);
    expect(peak).toBeLessThan(1.2 * needed);
    expect(peak).toBeGreaterThan(needed);
    expect(gpu.memory.inUse).toBe(inUse);
  },
);

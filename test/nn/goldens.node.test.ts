/** Whole ViTs against timm in float64: logits, loss, gradients. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { Checkpoint, ViTConfig } from "../../src/io/index.js";
import { loadModel, loadTensors } from "../../src/io/node/index.js";
import { ViT } from "../../src/nn/index.js";
import { backward, crossEntropy, mean, Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { missing, sharedPath } from "../harness/shared.js";

const FOLDERS = ["vit-a", "vit-odd", "vit-long"];

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

/** Largest difference relative to the largest value of `want`. */
function relativeError(got: Float32Array, want: Float32Array): number {
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    largest = Math.max(largest, Math.abs(want[i]));
    worst = Math.max(worst, Math.abs(got[i] - want[i]));
  }
  return worst / largest;
}

async function open(folder: string) {
  const { config, weights } = (await loadModel(sharedPath(folder))) as Checkpoint<ViTConfig>;
  const { tensors } = await loadTensors(sharedPath(`${folder}/io.safetensors`));
  const images = tensors.get("images")!;
  const labels = Uint32Array.from(tensors.get("labels")!.data as BigInt64Array, Number);
  const { batch, batches } = (await loadModel(sharedPath(folder))).rawConfig as { batch: number; batches: number };
  return { config, weights, images, labels, tensors, batch, batches };
}

describe.each(FOLDERS)("%s", (name) => {
  const folder = `goldens/${name}`;
  const skip = missing(folder);

  test("logits and loss", async (context) => {
    if (skip) context.skip(skip);
    const { config, weights, images, labels, tensors } = await open(folder);
    using _scope = gpu.scope();
    const model = new ViT(gpu, config, weights);
    const { logits } = model.forward(Tensor.from(gpu, images.data as Float32Array, images.shape));
    const want = tensors.get("logits")!.data as Float32Array;
    const got = await logits.read();
    expect(Math.max(...got.map((value, i) => Math.abs(value - want[i])))).toBeLessThan(1e-5);
    const loss = await mean(crossEntropy({ logits, labels: Tensor.from(gpu, labels) }, { smoothing: 0 })).read();
    expect(loss[0]).toBeCloseTo((tensors.get("loss") ?? tensors.get("mean_loss"))!.data[0] as number, 5);
  });

  test("gradients of every parameter, summed over batches", async (context) => {
    if (skip) context.skip(skip);
    const { config, weights, images, labels, batch, batches } = await open(folder);
    const { tensors: golden } = await loadTensors(sharedPath(`${folder}/grad_sum.safetensors`));
    const sums = new Map<string, Float32Array>();
    using _scope = gpu.scope();
    const model = new ViT(gpu, config, weights);
    const sample = images.data.length / labels.length;
    for (let at = 0; at < batches; at++) {
      const rows = (images.data as Float32Array).slice(at * batch * sample, (at + 1) * batch * sample);
      const { logits } = model.forward(Tensor.from(gpu, rows, [batch, ...images.shape.slice(1)]));
      const targets = Tensor.from(gpu, labels.slice(at * batch, (at + 1) * batch));
      const gradients = backward(mean(crossEntropy({ logits, labels: targets }, { smoothing: 0 })));
      for (const { name: parameter, value } of model.parameters) {
        const gradient = await gradients.get(value)!.read();
        const sum = sums.get(parameter);
        sums.set(parameter, sum ? sum.map((old, i) => old + gradient[i]) : gradient);
      }
    }
    expect([...sums.keys()].sort()).toEqual([...golden.keys()].sort());
    const largest = Math.max(
      ...[...golden.values()].map(({ data }) => (data as Float32Array).reduce((a, b) => Math.max(a, Math.abs(b)), 0)),
    );
    for (const [parameter, sum] of sums) {
      const want = golden.get(parameter)!.data as Float32Array;
      const zero = want.every((value) => Math.abs(value) < 1e-9 * largest);
      if (zero) expect(Math.max(...sum.map(Math.abs)), parameter).toBeLessThan(1e-6 * largest);
      else expect(relativeError(sum, want), parameter).toBeLessThan(1e-4);
    }
  });
});

import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { ViT } from "../../src/nn/index.js";
import {
  captureWeights,
  clearMasks,
  criterionByName,
  prune,
  readMasks,
  rewind,
  writeMasks,
} from "../../src/prune/index.js";
import { evaluate, Trainer } from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const data = quadrantData(32, 8);

async function trainSteps(model: ViT, steps: number): Promise<void> {
  using trainer = new Trainer(model, data, { epochs: steps / 4, batchSize: 8, learningRate: 0.01 });
  await trainer.run({}, steps);
}

async function logits(model: ViT): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  await evaluate(model, data, { batchSize: 16, onLogits: (batch) => rows.push(batch.slice()) });
  return rows;
}

describe("rewinding", () => {
  test("to an early step keeps the masks, and is the network of those weights under them", async () => {
    const model = tinyViT(gpu);
    await trainSteps(model, 2);
    using early = captureWeights(model);
    const atCapture = await model.parameters.read();
    await trainSteps(model, 4);
    expect((await model.parameters.read()).get("head.weight")).not.toEqual(atCapture.get("head.weight"));
    const { masks } = await prune(model, { saliency: criterionByName("magnitude"), sparsity: 0.5 });
    early.restore();
    expect(await model.parameters.read()).toEqual(atCapture);
    expect(await readMasks(model)).toEqual(masks);

    const fresh = tinyViT(gpu);
    rewind(fresh, atCapture);
    writeMasks(fresh, masks);
    expect(await logits(fresh)).toEqual(await logits(model));
    clearMasks(fresh);
    clearMasks(model);
    expect(await logits(fresh)).toEqual(await logits(model));
    fresh.release();
    model.release();
  });

  test("takes a snapshot of another model of the same shape", async () => {
    const [model, other] = [tinyViT(gpu, 1), tinyViT(gpu, 2)];
    using snapshot = captureWeights(other);
    rewind(model, snapshot);
    expect(await model.parameters.read()).toEqual(await other.parameters.read());
    model.release();
    other.release();
  });

  test("refuses weights of another model and changes nothing", async () => {
    const model = tinyViT(gpu);
    const before = await model.parameters.read();
    const wider = tinyViT(gpu, 2, { num_classes: 5 });
    using snapshot = captureWeights(wider);
    expect(() => rewind(model, snapshot)).toThrow("rewind: expected head.weight of shape [4,16], got [5,16]; use");
    const partial = new Map([...before].filter(([name]) => name !== "pos_embed"));
    expect(() => rewind(model, partial)).toThrow("rewind: expected pos_embed of shape [1,5,16], got none; use");
    const more = new Map([...before, ["extra", { shape: [1], data: Float32Array.of(1) }]]);
    expect(() => rewind(model, more)).toThrow("rewind: expected parameters of this model, got extra; use");
    expect(await model.parameters.read()).toEqual(before);
    wider.release();
    model.release();
  });
});

test("a snapshot is apart from the model, and its memory goes back", async () => {
  const model = tinyViT(gpu);
  const { inUse } = gpu.memory;
  const before = await model.parameters.read();
  const snapshot = captureWeights(model);
  expect(gpu.memory.inUse - inUse).toBeGreaterThanOrEqual(model.parameters.count * 4);
  await trainSteps(model, 2);
  expect(await snapshot.read()).toEqual(before);
  snapshot.release();
  expect(gpu.memory.inUse).toBe(inUse);
  expect(() => snapshot.restore()).toThrow("expected a live buffer");
  model.release();
});

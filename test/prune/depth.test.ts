/** Exits beside pruning: they learn while a search runs, follow their blocks through a cut, and end a network of any of their depths. */
import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { packBits } from "../../src/kernels/index.js";
import { addExits, atDepth, createModel, depthsOf, type HostViT, TrainingPass, ViT } from "../../src/nn/index.js";
import { compact } from "../../src/prune/compact/index.js";
import {
  applyUnits,
  foldGates,
  maskWeights,
  readMasks,
  runSearch,
  unitSpace,
  wdpruning,
} from "../../src/prune/index.js";
import { Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { maskUnits } from "../harness/mask-units.js";
import { normals } from "../harness/random.js";
import { noisyWeights, quadrantData, tinyConfig } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const EXITS = [1, 2];

function deepModel(): { host: HostViT; model: ViT } {
  const config = tinyConfig({ depth: 3 });
  const host = addExits({ config, weights: noisyWeights(config, 1) }, EXITS, 2);
  return { host, model: new ViT(gpu, host.config, host.weights) };
}

const masked = async (model: ViT): Promise<HostViT> => ({
  config: model.config,
  weights: maskWeights(await model.parameters.read(), await readMasks(model)),
});

const logitsOf = async ({ config, weights }: HostViT, images: Tensor): Promise<number[]> => {
  const model = createModel(gpu, config, weights);
  const logits = Array.from(await model.forward(images).logits.read());
  model.release();
  return logits;
};

test("exits learn in a search, and a searched network can end at each of them", async () => {
  const { host, model } = deepModel();
  const data = quadrantData(16, 1, host.config);
  const options = { epochs: 4, batchSize: 16, learningRate: 1e-3 };
  await runSearch(model, wdpruning({ roundTo: 4 }), { data, options, sparsity: 0.5 });
  const found = await masked(model);
  const images = Tensor.from(gpu, normals(2 * 64, 3), [2, 1, 8, 8]);
  const counts = depthsOf(found.config).map((depth) => {
    const { weights } = atDepth(found, depth);
    return [...weights.values()].reduce((sum, { data: values }) => sum + values.length, 0);
  });
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  for (const exit of EXITS) {
    const name = `exits.${exit}.head.weight`;
    expect(found.weights.get(name)!.data).not.toEqual(host.weights.get(name)!.data);
    expect((await logitsOf(atDepth(found, exit), images)).every(Number.isFinite)).toBe(true);
  }
  model.release();
});

test("channels of the residual stream go out of exits too", async () => {
  const { model } = deepModel();
  maskUnits(model, ["embed"], 3, 0.5);
  const images = Tensor.from(gpu, normals(2 * 64, 4), [2, 1, 8, 8]);
  const whole = await masked(model);
  const cut = (await compact(model, { roundTo: 1 })) as HostViT;
  expect(cut.config.embedDim).toBeLessThan(16);
  for (const depth of depthsOf(cut.config)) {
    const [got, want] = [await logitsOf(atDepth(cut, depth), images), await logitsOf(atDepth(whole, depth), images)];
    for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[i], 4);
  }
  model.release();
});

test("gates of channels are folded into exits too", async () => {
  const { model } = deepModel();
  const gate = Tensor.from(gpu, normals(16, 5));
  model.gates.set("embed", gate);
  const images = Tensor.from(gpu, normals(2 * 64, 4), [2, 1, 8, 8]);
  const exitsOf = async () => {
    const { exits } = model.forward(images, { training: new TrainingPass(Tensor.zeros(gpu, [2], "u32")) });
    return Promise.all(exits!.map(async (logits) => Array.from(await logits.read())));
  };
  const want = await exitsOf();
  await foldGates(model);
  for (const [index, got] of (await exitsOf()).entries()) {
    for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[index][i], 4);
  }
  model.release();
});

test("exits stay behind their blocks when others are cut", async () => {
  const { model } = deepModel();
  const space = unitSpace(model, "block");
  applyUnits(model, space, Tensor.from(gpu, packBits(Uint8Array.of(0, 1, 1))));
  const images = Tensor.from(gpu, normals(2 * 64, 4), [2, 1, 8, 8]);
  const want = await logitsOf(atDepth(await masked(model), 2), images);
  const cut = (await compact(model)) as HostViT;
  expect(cut.config.exits).toEqual([1]);
  expect(cut.config.blocks).toHaveLength(2);
  const got = await logitsOf(atDepth(cut, 1), images);
  for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[i], 4);
  model.release();
});

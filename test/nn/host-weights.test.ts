/** Models on weights that a host keeps in its own buffers on its own device. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { platform } from "#platform";
import { requestDevice } from "../../src/gpu/device.js";
import { Gpu } from "../../src/gpu/index.js";
import { type FloatTensor, type MlpConfig, parseModelConfig } from "../../src/io/index.js";
import { createModel, initialMlpWeights, type ModelWeights, ViT } from "../../src/nn/index.js";
import { captureWeights, clearMasks, criterionByName, prune } from "../../src/prune/index.js";
import { Tensor } from "../../src/tensor/index.js";
import { Trainer } from "../../src/train/index.js";
import { normals } from "../harness/random.js";
import { noisyWeights, quadrantData, tinyConfig } from "../harness/tiny-vit.js";

let device: GPUDevice;
let gpu: Gpu;
beforeAll(async () => {
  device = await requestDevice((await platform.openAdapter()).adapter);
  gpu = Gpu.from(device);
});
afterAll(() => {
  gpu.destroy();
  device.destroy();
});

const config = tinyConfig();
const values = noisyWeights(config, 1);
const data = quadrantData(16, 3);

/** Buffers of the host that hold these weights. */
function hostBuffers(weights: ReadonlyMap<string, FloatTensor>): Map<string, GPUBuffer> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  return new Map(
    Array.from(weights, ([name, { data }]) => {
      const buffer = device.createBuffer({ size: data.byteLength, usage });
      device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
      return [name, buffer];
    }),
  );
}

const borrowed = (buffers: ReadonlyMap<string, GPUBuffer>): ModelWeights =>
  new Map(Array.from(buffers, ([name, buffer]) => [name, Tensor.borrow(gpu, buffer, values.get(name)!.shape)]));

/** What the host sees in its buffer, read in the host's own way. */
async function hostRead(buffer: GPUBuffer): Promise<Float32Array> {
  const staging = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const data = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return data;
}

const images = () => Tensor.from(gpu, normals(3 * 64, 4), [3, 1, 8, 8]);

test("a model computes with the host's buffers, without a copy, and leaves them alive", async () => {
  const buffers = hostBuffers(values);
  const before = gpu.memory.inUse;
  const model = new ViT(gpu, config, borrowed(buffers));
  // Nothing but a scalar of the ViT's own was allocated.
  expect(gpu.memory.inUse - before).toBeLessThanOrEqual(256);
  const uploaded = new ViT(gpu, config, values);
  const x = images();
  const logits = await model.forward(x).logits.read();
  expect(logits).toEqual(await uploaded.forward(x).logits.read());

  // The host changes its weights, and the model sees it.
  const head = values.get("head.bias")!.data.map((value) => value + 1);
  device.queue.writeBuffer(buffers.get("head.bias")!, 0, head as Float32Array<ArrayBuffer>);
  const moved = await model.forward(x).logits.read();
  for (const [i, value] of moved.entries()) expect(value).toBeCloseTo(logits[i] + 1, 5);

  await prune(model, { saliency: criterionByName("taylor"), sparsity: 0.5, calibration: data });
  clearMasks(model);
  model.release();
  gpu.trim();
  for (const [name, buffer] of buffers) {
    expect(await hostRead(buffer)).toEqual(name === "head.bias" ? head : values.get(name)!.data);
  }
  // Released by the model, borrowed anew by another one.
  const again = new ViT(gpu, config, borrowed(buffers));
  expect(await again.forward(x).logits.read()).toEqual(moved);
  again.release();
  uploaded.release();
});

test("training and rewinding write to the host's buffers", async () => {
  const buffers = hostBuffers(values);
  const model = new ViT(gpu, config, borrowed(buffers));
  const uploaded = new ViT(gpu, config, values);
  using start = captureWeights(model);
  for (const trained of [model, uploaded]) {
    using trainer = new Trainer(trained, data, { epochs: 1, batchSize: 8, learningRate: 0.01 });
    await trainer.run();
  }
  const want = await uploaded.parameters.read();
  for (const [name, buffer] of buffers) expect(await hostRead(buffer)).toEqual(want.get(name)!.data);
  start.restore();
  await gpu.sync();
  for (const [name, buffer] of buffers) expect(await hostRead(buffer)).toEqual(values.get(name)!.data);
  model.release();
  uploaded.release();
});

test("one buffer may hold all weights, and the host's values may stand beside uploaded ones", async () => {
  const mlp = parseModelConfig(
    { architecture: "mlp", inputs: 64, hidden: [64, 32], num_classes: 4 },
    "test",
  ) as MlpConfig;
  const weights = initialMlpWeights(mlp, 1);
  const alignment = device.limits.minStorageBufferOffsetAlignment;
  const offsets = new Map<string, number>();
  let size = 0;
  for (const [name, { data }] of weights) {
    offsets.set(name, size);
    size += Math.ceil(data.byteLength / alignment) * alignment;
  }
  const arena = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
  const mixed = new Map<string, FloatTensor | Tensor>(weights);
  for (const [name, { shape, data }] of weights) {
    if (name.endsWith("bias")) continue;
    device.queue.writeBuffer(arena, offsets.get(name)!, data as Float32Array<ArrayBuffer>);
    mixed.set(name, Tensor.borrow(gpu, arena, shape, offsets.get(name)));
  }
  const model = createModel(gpu, mlp, mixed);
  const uploaded = createModel(gpu, mlp, weights);
  const x = images();
  expect(await model.forward(x).logits.read()).toEqual(await uploaded.forward(x).logits.read());
  model.release();
  uploaded.release();
});

test("a tensor of the caller stays his, and one that does not fit is refused", async () => {
  const own = Tensor.from(gpu, values.get("head.weight")!.data, [4, 16]);
  const weights = (head: Tensor): ModelWeights =>
    new Map<string, FloatTensor | Tensor>([...values, ["head.weight", head]]);
  const model = new ViT(gpu, config, weights(own));
  model.release();
  expect(own.requiresGradient).toBe(false);
  expect(await own.read()).toEqual(values.get("head.weight")!.data);
  expect(() => new ViT(gpu, config, weights(Tensor.zeros(gpu, [4, 16], "u32")))).toThrow(
    "parameter head.weight: expected an f32 tensor of the model's Gpu, got u32",
  );
  expect(() => new ViT(gpu, config, weights(Tensor.zeros(gpu, [16, 4])))).toThrow(
    'model: expected "head.weight" of shape 4 x 16, got 16 x 4',
  );
  const stranger = Gpu.from(device);
  expect(() => new ViT(stranger, config, weights(own))).toThrow("got one of another Gpu; borrow it there");
  stranger.destroy();
});

test("what is no config or no weights, as a host in JavaScript may pass, is told in one line", () => {
  const configs = [{ architecture: "vit" }, undefined, null, "deit-tiny"] as never[];
  for (const [i, got] of ["another object", "undefined", "null", "string"].entries()) {
    const message = `model: expected a config as loadModel reads it, got ${got}; pass it through parseModelConfig`;
    expect(() => createModel(gpu, configs[i], values)).toThrow(message);
  }
  const weights = [Object.fromEntries(values), undefined] as never[];
  for (const [i, got] of ["an object that is no Map", "undefined"].entries()) {
    const message = `model: expected weights in a map by name, got ${got}; pass those of loadModel`;
    expect(() => createModel(gpu, config, weights[i])).toThrow(message);
  }
});

/** What a run of many rounds builds: nothing, once masks are on and the steps with them are recorded. */
import { expect, test } from "vitest";
import { Gpu } from "../../src/gpu/index.js";
import { arrayDataset, inputSpec, parseModelConfig } from "../../src/io/index.js";
import { architectureOf } from "../../src/nn/index.js";
import { Pruner, px } from "../../src/prune/index.js";
import { normals } from "../harness/random.js";
import { TINY_JSON } from "../harness/tiny-vit.js";

const CREATORS = [
  "createBindGroup",
  "createComputePipeline",
  "createComputePipelineAsync",
  "createShaderModule",
  "createPipelineLayout",
] as const;

/** A net without a norm in its residual stream, whose range is kept by powers of two, and one with layer norms. */
const NETS = [
  { name: "a ViT", json: TINY_JSON, rounds: 100 },
  { name: "an MLP", json: { architecture: "mlp", inputs: 12, hidden: [16, 16, 16], num_classes: 4 }, rounds: 100 },
  { name: "a ResNet", json: { architecture: "resnet20", img_size: 8, in_chans: 1, num_classes: 4 }, rounds: 8 },
];

test.each(NETS)("$rounds rounds over $name build no pipelines and no bind groups after the third", async (net) => {
  using gpu = await Gpu.create();
  let made = 0;
  for (const name of CREATORS) {
    const create = gpu.device[name].bind(gpu.device) as (descriptor: unknown) => unknown;
    const counting = (descriptor: unknown) => {
      made++;
      return create(descriptor);
    };
    Object.defineProperty(gpu.device, name, { value: counting, configurable: true });
  }
  const config = parseModelConfig(net.json, net.name);
  const architecture = architectureOf(config);
  const model = architecture.create(gpu, architecture.initialWeights(1));
  const spec = inputSpec(config);
  const shape = [8, ...spec.sampleShape];
  const size = shape.reduce((product, extent) => product * extent, 1);
  using pruner = new Pruner(model, {
    saliency: px,
    sparsity: 0.9,
    rounds: net.rounds,
    calibration: arrayDataset({ shape, data: normals(size, 1), labels: new Int32Array(8) }, spec, "random numbers"),
    batchSize: 4,
    protection: { classifier: false },
  });
  for (let round = 0; round < 3; round++) await pruner.step();
  const before = made;
  expect(before).toBeGreaterThan(0);
  await pruner.run();
  expect(made - before).toBe(0);
  expect(pruner.rounds).toHaveLength(net.rounds);
  model.release();
});

/** What a run of many rounds builds: nothing, once masks are on and the steps with them are recorded. */
import { expect, test } from "vitest";
import { Gpu } from "../../src/gpu/index.js";
import { Pruner, px } from "../../src/prune/index.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

const CREATORS = [
  "createBindGroup",
  "createComputePipeline",
  "createComputePipelineAsync",
  "createShaderModule",
  "createPipelineLayout",
] as const;

test("100 rounds build no pipelines and no bind groups after the third", async () => {
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
  const model = tinyViT(gpu);
  using pruner = new Pruner(model, {
    saliency: px,
    sparsity: 0.9,
    rounds: 100,
    calibration: quadrantData(8, 1),
    batchSize: 4,
    protection: { classifier: false },
  });
  for (let round = 0; round < 3; round++) await pruner.step();
  const before = made;
  expect(before).toBeGreaterThan(0);
  await pruner.run();
  expect(made - before).toBe(0);
  expect(pruner.rounds).toHaveLength(100);
  model.release();
});

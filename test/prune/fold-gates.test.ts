import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { type Model, ViT } from "../../src/nn/index.js";
import { foldGates } from "../../src/prune/compact/fold-gates.js";
import { Tensor, withoutHistory } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals, randomGenerator } from "../harness/random.js";
import { noisyWeights, tinyConfig, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

async function logits(model: Model): Promise<Float32Array> {
  const images = Tensor.from(gpu, normals(3 * 64, 9), [3, 1, 8, 8]);
  const result = await withoutHistory(() => model.forward(images).logits).read();
  gpu.release(images);
  return result;
}

/** Factors around one; 0 and 1 where an activation function follows. */
function gateValues(place: string, size: number, seed: number): Float32Array {
  const values = normals(size, seed, 0.5).map((value) => 1 + value);
  return place.endsWith("hidden") ? values.map((value) => Number(value > 0.8)) : values;
}

/** Puts gates at these places, folds them, and compares. */
async function checkFold(model: Model, places: readonly string[], seed: number): Promise<void> {
  for (const [index, place] of places.entries()) {
    const { units } = model.gates.places.get(place)!;
    const size = units[(index + seed) % units.length];
    model.gates.set(place, Tensor.from(gpu, gateValues(place, size, seed * 100 + index)));
  }
  const want = await logits(model);
  await foldGates(model);
  expect([...model.gates]).toEqual([]);
  const got = await logits(model);
  const largest = Math.max(...want.map(Math.abs));
  for (let i = 0; i < want.length; i++) expect(Math.abs(got[i] - want[i]), places.join()).toBeLessThan(2e-5 * largest);
}

const foldable = (model: Model) => [...model.gates.places.keys()].filter((place) => place !== "token");

describe("the folded network computes what the gated one did", () => {
  test("at every site by itself", async () => {
    const sites = foldable(tinyViT(gpu)).filter((place) => !place.startsWith("blocks.1"));
    for (const [seed, place] of sites.entries()) await checkFold(tinyViT(gpu, seed), [place], seed);
  });

  test.each([{ pool: "cls" }, { pool: "avg", class_token: false }, { qkv_bias: false }])(
    "at random sites together, with %j",
    async (changes) => {
      const random = randomGenerator(5);
      for (const seed of [1, 2, 3]) {
        const model = tinyViT(gpu, seed, changes);
        await checkFold(
          model,
          foldable(model).filter(() => random() < 0.5),
          seed,
        );
      }
    },
  );

  test("in a network whose blocks differ", async () => {
    const { blocks, ...rest } = tinyConfig();
    const [{ attention, mlp }] = blocks;
    const narrow = { attention: { ...attention!, inputs: [1, 4, 9] }, mlp: { hidden: 7, outputs: [0, 2, 3, 15] } };
    const config = { ...rest, blocks: [narrow, { mlp }] };
    const model = new ViT(gpu, config, noisyWeights(config, 3));
    await checkFold(model, foldable(model), 4);
  });
});

describe("what no weight can take in is refused, and nothing is changed", () => {
  const refused = async (place: string, values: Float32Array, message: RegExp) => {
    const model = tinyViT(gpu);
    model.gates.set("blocks.0.mlp.in", Tensor.from(gpu, normals(16, 1)));
    model.gates.set(place, Tensor.from(gpu, values));
    const before = await logits(model);
    await expect(foldGates(model)).rejects.toThrow(message);
    expect(await logits(model)).toEqual(before);
  };

  test("tokens", () =>
    refused("token", new Float32Array(5).fill(1), /^fold token: expected a place of .+; leave it out/));

  test("factors before an activation function", () =>
    refused(
      "blocks.1.mlp.hidden",
      new Float32Array(32).fill(0.5),
      /^fold blocks\.1\.mlp\.hidden: expected values of 0 and 1/,
    ));
});

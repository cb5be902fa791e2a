/** Two-tower models against float64: losses, and the gradients of every parameter and gate; what gates and texts mean; configs and files. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  asF32,
  clipConfigToJson,
  encodeSafetensors,
  type FloatTensor,
  parseClipConfig,
  parseSafetensors,
} from "../../src/io/index.js";
import { initialClipWeights, packTexts, type Texts, TwoTower, unitRows } from "../../src/nn/index.js";
import { backward, crossEntropy, mean, Tensor, withoutHistory } from "../../src/tensor/index.js";
import { mismatch } from "../harness/close.js";
import { constant, gradient, type Variable } from "../harness/double-backward.js";
import { twoTowerLoss } from "../harness/float64-two-tower.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";

const JSON_CONFIG = {
  architecture: "clip",
  projection_dim: 5,
  vision: { img_size: 4, patch_size: 2, in_chans: 1, embed_dim: 8, depth: 1, num_heads: 2, mlp_ratio: 2 },
  text: { vocab_size: 7, context: 4, embed_dim: 6, depth: 2, num_heads: 2, mlp_ratio: 2, cross_attention: true },
};
const config = parseClipConfig(JSON_CONFIG, "test");
const BATCH = 3;
const packed = packTexts([[3, 1], [2, 5, 6, 1], [1]], config.text);
const images = normals(BATCH * 16, 5);

/** Initial weights with noise on everything, so that biases and norms matter too. */
function noisyWeights(seed: number): Map<string, FloatTensor> {
  let salt = seed * 1000;
  return new Map(
    [...initialClipWeights(config, seed)].map(([name, { shape, data }]) => {
      const noise = normals(data.length, salt++, 0.2);
      return [name, { shape, data: data.map((value, i) => value + noise[i]) }];
    }),
  );
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const uploadTexts = ({ ids, ends } = packed): Texts => ({
  ids: Tensor.from(gpu, ids, [ends.length, config.text.context]),
  ends: Tensor.from(gpu, ends),
});
const uploadImages = () => Tensor.from(gpu, images, [BATCH, 1, 4, 4]);

/** Gates of the text tower, away from one. */
const gatesOf = (model: TwoTower) =>
  new Map(
    Array.from(model.gates.places).flatMap(([key, { units }], index) => {
      if (!/^text\..*(headDim|mlp\.hidden|block\.cross)$/.test(key)) return [];
      return [[key, normals(units[0], index, 0.3).map((value) => value + 1)] as const];
    }),
  );

const LOSSES = {
  contrastive: {
    labels: undefined,
    compute: (model: TwoTower) => model.loss(uploadImages(), uploadTexts(), Tensor.from(gpu, Uint32Array.of(0, 1, 2))),
  },
  matching: {
    labels: [1, 0, 1],
    compute: (model: TwoTower) => {
      const logits = model.match(uploadImages(), uploadTexts());
      return mean(crossEntropy({ logits, labels: Tensor.from(gpu, Uint32Array.of(1, 0, 1)) }, { smoothing: 0 }));
    },
  },
};

describe.each(Object.entries(LOSSES))("%s loss", (_, { compute, labels }) => {
  test("agrees with float64, and so do gradients of all parameters and gates", async () => {
    using _scope = gpu.scope();
    const weights = noisyWeights(1);
    const model = new TwoTower(gpu, config, weights);
    const gates = gatesOf(model);
    for (const [key, values] of gates) {
      const gate = Tensor.from(gpu, values);
      gate.requiresGradient = true;
      model.gates.set(key, gate);
    }
    const loss = compute(model);
    const gradients = backward(loss);

    const variables = (entries: Iterable<readonly [string, ArrayLike<number>]>): Map<string, Variable> =>
      new Map(Array.from(entries, ([name, data]) => [name, constant(data)]));
    const parameters = variables(Array.from(weights, ([name, { data }]) => [name, data]));
    const factors = variables(gates);
    const texts = { ids: [...packed.ids], ends: [...packed.ends] };
    const want = twoTowerLoss(config, parameters, constant(images), texts, { gates: factors, labels });
    expect((await loss.read())[0]).toBeCloseTo(want.values[0], 4);

    const leaves = [
      ...Array.from(parameters, ([name, leaf]) => ({ name, leaf, tensor: model.parameters.get(name).value })),
      ...Array.from(factors, ([name, leaf]) => ({ name, leaf, tensor: model.gates.get(name)! })),
    ];
    const expected = gradient(
      want,
      leaves.map(({ leaf }) => leaf),
    );
    for (const [index, { name, tensor }] of leaves.entries()) {
      const { values } = expected[index];
      const got = await gradients.get(tensor)?.read();
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const problem = got
        ? mismatch(got, values, { atol: 2e-5 + 2e-5 * largest, rtol: 2e-4 })
        : largest > 0 && "no gradient";
      expect(problem || undefined, name).toBeUndefined();
    }
  });
});

describe("gates", () => {
  const law = async (
    key: string,
    cut: (name: string, row: number, column: number, open: (unit: number) => boolean) => boolean,
  ) => {
    using _scope = gpu.scope();
    const weights = noisyWeights(2);
    const model = new TwoTower(gpu, config, weights);
    const [units] = model.gates.places.get(key)!.units;
    const open = (unit: number) => unit % units !== 1;
    const output = async (of: TwoTower) => [
      ...(await of.encodeTexts(uploadTexts()).read()),
      ...(await of.match(uploadImages(), uploadTexts()).read()),
    ];
    const dense = await output(model);
    model.gates.set(
      key,
      Tensor.from(
        gpu,
        Float32Array.from({ length: units }, (_, unit) => Number(open(unit))),
      ),
    );
    const got = await output(model);
    const zeroed = new Map(
      Array.from(weights, ([name, { shape, data }]) => {
        const columns = shape.length > 1 ? data.length / shape[0] : 1;
        const kept = data.map((value, i) => (cut(name, Math.floor(i / columns), i % columns, open) ? 0 : value));
        return [name, { shape, data: kept }];
      }),
    );
    const want = await output(new TwoTower(gpu, config, zeroed));
    for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[i], 4);
    expect(got).not.toEqual(dense);
  };

  test("on the dimensions of heads of attention to images are cut rows of q, k and v", () =>
    law(
      "text.blocks.1.crossAttn.headDim",
      (name, row, _, open) => /^text\.blocks\.1\.cross_attn\.(q|kv)\./.test(name) && !open(row),
    ));

  test("on neurons before their activation are cut rows of fc1", () =>
    law("text.blocks.0.mlp.hidden", (name, row, _, open) => /^text\.blocks\.0\.mlp\.fc1\./.test(name) && !open(row)));
});

test("what follows the end of a text does not count, and what comes before does", async () => {
  using _scope = gpu.scope();
  const model = new TwoTower(gpu, config, noisyWeights(3));
  const encode = async (change: (ids: Uint32Array) => void) => {
    const ids = packed.ids.slice();
    change(ids);
    return [...(await model.encodeTexts(uploadTexts({ ids, ends: packed.ends })).read())];
  };
  const before = await encode(() => {});
  expect(await encode((ids) => ids.fill(4, 2, 4))).toEqual(before); // behind the first text
  const after = await encode((ids) => ids.fill(4, 0, 1)); // its first token
  expect(after.slice(0, 5)).not.toEqual(before.slice(0, 5));
  expect(after.slice(5)).toEqual(before.slice(5));
});

test("points have length 1, and the factor on cosines stays within 1 and 100", async () => {
  using _scope = gpu.scope();
  const model = new TwoTower(gpu, config, noisyWeights(4));
  const points = await withoutHistory(() => model.encodeImages(uploadImages())).read();
  for (let row = 0; row < BATCH; row++) expect(Math.hypot(...points.slice(row * 5, row * 5 + 5))).toBeCloseTo(1, 5);
  for (const [from, to] of [
    [9, Math.log(100)],
    [-1, 0],
    [2, 2],
  ]) {
    model.logScale.write(Float32Array.of(from));
    model.clampScale();
    expect((await model.logScale.read())[0]).toBeCloseTo(to, 5);
  }
  expect([...(await unitRows(Tensor.zeros(gpu, [1, 3])).read())]).toEqual([0, 0, 0]);
});

test("a config and weights are read as they were written", async () => {
  const json = JSON.parse(JSON.stringify(clipConfigToJson(config)));
  expect(parseClipConfig(json, "written")).toEqual(config);
  const weights = noisyWeights(5);
  const { tensors } = parseSafetensors(encodeSafetensors(asF32(weights)), "written");
  const read = tensors as Map<string, FloatTensor>;
  using _scope = gpu.scope();
  const outputs = [weights, read].map((these) => new TwoTower(gpu, config, these).encodeTexts(uploadTexts()).read());
  const [want, got] = await Promise.all(outputs);
  expect(got).toEqual(want);
});

test("wrong configs, weights and texts are named", () => {
  const { text } = JSON_CONFIG;
  const parse = (changes: object) => () => parseClipConfig({ ...JSON_CONFIG, ...changes }, "c");
  expect(parse({ architecture: "vit" })).toThrow(/c: expected "architecture" to be "clip", got "vit"/);
  expect(parse({ text: { ...text, num_heads: 4 } })).toThrow(/c: text: expected "embed_dim" to be a multiple of/);
  expect(parse({ text: { ...text, mlp_ratio: 0.01 } })).toThrow(/c: text: expected "mlp_ratio" to be at least 1/);
  expect(parse({ vision: { ...JSON_CONFIG.vision, patch_size: 3 } })).toThrow(/c: vision: expected "img_size"/);
  const weights = noisyWeights(1);
  weights.delete("text.match.bias");
  expect(() => new TwoTower(gpu, config, weights)).toThrow(/expected "text.match.bias" of shape 2, got none/);
  expect(() => packTexts([[1, 7]], config.text)).toThrow(/text 0: expected tokens below 7, got 7/);
  expect(() => packTexts([[1], []], config.text)).toThrow(/text 1: expected 1 to 4 tokens, got 0/);
});

import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../../src/gpu/index.js";
import type { MlpConfig } from "../../../src/io/config.js";
import { parseModelConfig } from "../../../src/io/index.js";
import { createModel, initialMlpWeights, type Model } from "../../../src/nn/index.js";
import { compact } from "../../../src/prune/compact/index.js";
import { maskWeights, runSearch, type SearchOptions } from "../../../src/prune/index.js";
import { type VtpOptions, vtp } from "../../../src/prune/search/vtp.js";
import { Gradients, Tensor, withoutHistory } from "../../../src/tensor/index.js";
import { evaluate } from "../../../src/train/index.js";
import { sharedGpu } from "../../harness/gpu.js";
import { normals } from "../../harness/random.js";
import { quadrantData, tinyViT } from "../../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const OPTIONS: SearchOptions = { sparsity: 0.5, totalSteps: 10, learningRate: 1e-3 };

/** Gates of a tiny block: 16 and 16 of attention, 16 and 32 of the MLP. */
const GATES = 2 * (16 + 16 + 16 + 32);

async function logits(model: Model): Promise<Float32Array> {
  const images = Tensor.from(gpu, normals(3 * 64, 9), [3, 1, 8, 8]);
  const result = await withoutHistory(() => model.forward(images).logits).read();
  gpu.release(images);
  return result;
}

function expectClose(got: Float32Array, want: Float32Array): void {
  const scale = Math.max(...want.map(Math.abs));
  for (let i = 0; i < want.length; i++) expect(Math.abs(got[i] - want[i])).toBeLessThan(1e-5 * scale);
}

const count = (bits: Iterable<Uint8Array>) => [...bits].reduce((sum, of) => sum + of.reduce((n, bit) => n + bit, 0), 0);

describe("finish", () => {
  const variants: [string, VtpOptions, Partial<SearchOptions>][] = [
    ["exact", {}, {}],
    ["equal heads", { heads: "equal" }, { sparsity: 0.37 }],
    ["parameters", { amount: "parameters" }, { sparsity: 0.6 }],
    ["multiples", { amount: "parameters", multipleOf: 8 }, {}],
    ["reference", {}, { reference: true, sparsity: 0.8 }],
  ];

  test.each(variants)(
    "%s: what stays of the gates is folded into the weights, and masks change nothing",
    async (...[, own, changes]) => {
      for (const seed of [1, 2]) {
        const model = tinyViT(gpu, seed);
        using search = vtp(own).start(model, { ...OPTIONS, ...changes });
        const gates = [...model.gates];
        for (const [index, [, gate]] of gates.entries()) gate.write(normals(gate.size, seed * 100 + index, 0.8));
        const values = new Map(
          await Promise.all(gates.map(async ([name, gate]) => [name, await gate.read()] as const)),
        );

        const { kept, masks, scores, space } = await search.finish();
        const folded = await logits(model);
        expect([...model.gates]).toEqual([]);
        expect(space.count).toBe(GATES);
        for (const [name, gate] of values) expect([...scores.get(name)!.data]).toEqual([...gate.map(Math.abs)]);

        const gated = tinyViT(gpu, seed);
        for (const [name, gate] of values)
          gated.gates.set(
            name,
            Tensor.from(
              gpu,
              gate.map((v, i) => v * kept.get(name)![i]),
            ),
          );
        expectClose(folded, await logits(gated));

        const plain = tinyViT(gpu, seed);
        const weights = maskWeights(await model.parameters.read(), masks);
        for (const { name, value } of plain.parameters) value.write(weights.get(name)!.data);
        expectClose(await logits(plain), folded);
      }
    },
  );

  test("the parameters that are asked for go, to a gate, masked as well as cut", async () => {
    for (const sparsity of [0.2, 0.5, 0.8]) {
      const model = tinyViT(gpu);
      using search = vtp({ amount: "parameters" }).start(model, { ...OPTIONS, sparsity });
      for (const [index, [, gate]] of [...model.gates].entries()) gate.write(normals(gate.size, index));
      const { masks } = await search.finish();
      const inBlocks = [...model.parameters].filter(({ name }) => name.startsWith("blocks."));
      const all = inBlocks.reduce((sum, { size }) => sum + size, 0);
      const left = inBlocks.reduce(
        (sum, { name, size }) => sum + (masks.has(name) ? count([masks.get(name)!.data]) : size),
        0,
      );
      expect(left).toBeLessThanOrEqual((1 - sparsity) * all);
      // The dearest gate is a column of qkv.
      expect(left).toBeGreaterThan((1 - sparsity) * all - 48);
      const cut = await compact(model, { roundTo: 1 });
      const cutBlocks = [...cut.weights].filter(([name]) => name.startsWith("blocks."));
      expect(cutBlocks.reduce((sum, [, { data }]) => sum + data.length, 0)).toBe(left);
      expectClose(await logits(createModel(gpu, cut.config, cut.weights)), await logits(model));
    }
  });
});

describe("a search", () => {
  const data = quadrantData(64, 2);
  const training = { epochs: 4, batchSize: 16, learningRate: 3e-3, seed: 5 };

  test.each([
    { step: "proximal", penalty: 1 },
    { step: "subgradient", penalty: 0.02 },
  ] as const)("$step: trains, removes the exact number, and leaves a model by itself", async (own) => {
    const model = tinyViT(gpu);
    const before = await evaluate(model, data);
    const { kept, removed, masks } = await runSearch(model, vtp(own), { data, options: training, sparsity: 0.25 });
    expect(count(kept.values())).toBe(GATES * 0.75);
    expect(removed).toBeCloseTo(0.25, 9);
    expect([...model.gates]).toEqual([]);
    expect([...masks.keys()].sort()).toEqual(
      [0, 1].flatMap((b) =>
        [
          "attn.proj.weight",
          "attn.qkv.bias",
          "attn.qkv.weight",
          "mlp.fc1.bias",
          "mlp.fc1.weight",
          "mlp.fc2.weight",
        ].map((p) => `blocks.${b}.${p}`),
      ),
    );
    const after = await evaluate(model, data);
    expect(after.loss).toBeLessThan(before.loss);
  });

  test("is the same twice, bit for bit", async () => {
    const run = async () => {
      const model = tinyViT(gpu);
      await runSearch(model, vtp(), { data, options: { ...training, epochs: 1 }, sparsity: 0.5 });
      return logits(model);
    };
    expect(await run()).toEqual(await run());
  });

  test("that is given up takes its gates away", () => {
    const model = tinyViT(gpu);
    vtp().start(model, OPTIONS)[Symbol.dispose]();
    expect([...model.gates]).toEqual([]);
  });
});

test("with the default penalty a gate that nothing holds up ends at one half", async () => {
  const model = tinyViT(gpu);
  using search = vtp().start(model, OPTIONS);
  const [[, gate]] = model.gates;
  const gradients = new Gradients(new Map([[gate, Tensor.zeros(gpu, gate.shape)]]));
  for (let step = 0; step < OPTIONS.totalSteps; step++) {
    search.beforeStep!(step);
    search.onGradients!(gradients);
  }
  for (const value of await gate.read()) expect(value).toBeCloseTo(0.5, 5);
});

test("options out of range are refused", () => {
  const model = tinyViT(gpu);
  expect(() => vtp({ penalty: -1 }).start(model, OPTIONS)).toThrow(/^penalty: expected 0 or more, got -1/);
  expect(() => vtp({ multipleOf: 1.5 }).start(model, OPTIONS)).toThrow(/^multipleOf: expected a count from 1, got 1.5/);
  expect(() => vtp({ gateLearningRate: 0 }).start(model, OPTIONS)).toThrow(
    /^gateLearningRate: expected more than 0, got 0/,
  );
  expect(() => vtp().start(model, { ...OPTIONS, sparsity: 1 })).toThrow(/sparsity/);
});

test("amounts that no gates can reach are refused before training", () => {
  const model = tinyViT(gpu);
  for (const own of [{ amount: "parameters" }, { multipleOf: 16 }] as const) {
    expect(() => vtp(own).start(model, { ...OPTIONS, sparsity: 0.97 })).toThrow(
      /^sparsity: expected a part that leaves every place its last gates, got 0.97/,
    );
  }
  expect([...model.gates]).toEqual([]);
});

test("a network without transformer blocks is refused before it trains", () => {
  const config = parseModelConfig({ architecture: "mlp", inputs: 4, hidden: [3], num_classes: 2 }, "mlp");
  const weights = initialMlpWeights(config as MlpConfig, 1);
  expect(() => vtp().start(createModel(gpu, config, weights), OPTIONS)).toThrow(/^vtp: expected a ViT, got "mlp"/);
});

/** What collecting statistics must not depend on: what was recorded before, what else is collected, how often an objective looks. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { arrayDataset, inputSpec, parseModelConfig } from "../../src/io/index.js";
import { packBits } from "../../src/kernels/mask.js";
import { architectureOf, createModel, type Model } from "../../src/nn/index.js";
import {
  type AnySaliency,
  clearMasks,
  encodeStatistics,
  parseStatistics,
  Scorer,
  type UnitSpace,
  unitSpace,
  writeMasks,
} from "../../src/prune/index.js";
import { add, crossEntropy, mean, Tensor } from "../../src/tensor/index.js";
import { evaluate, Trainer } from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals, randomGenerator } from "../harness/random.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
let model: Model;
beforeAll(async () => {
  gpu = await sharedGpu();
  model = tinyViT(gpu, 3);
});

const calibration = quadrantData(24, 8);
const options = { calibration, batchSize: 8, seed: 0 };

const asScore = (source: string): AnySaliency => ({ needs: [source], score: (sources) => sources[source] });

async function scoresOf(scorer: Scorer): Promise<Float32Array> {
  await scorer.score();
  return scorer.scores.read();
}

async function score(saliency: AnySaliency, space: UnitSpace): Promise<Float32Array> {
  const scorer = new Scorer(model, space, saliency, options);
  try {
    return await scoresOf(scorer);
  } finally {
    scorer.release();
  }
}

const zeros = (length: number) => Tensor.from(gpu, new Float32Array(length));

/** Keeps three in four of a parameter. */
function partMask(name: string) {
  const { shape, size } = model.parameters.get(name).value;
  const random = randomGenerator(5);
  return { shape: [...shape], data: Uint8Array.from({ length: size }, () => Number(random() < 0.75)) };
}

describe("recorded steps", () => {
  const gate = "blocks.0.mlp.neuron";
  const masked = "blocks.0.mlp.fc1.weight";

  test.each(["gradient", "gateGradient"])("of %s see gates and masks that come and go", async (source) => {
    const space = unitSpace(model, source === "gradient" ? "weight" : "neuron");
    const scorer = new Scorer(model, space, asScore(source), options);
    const dense = await scoresOf(scorer);
    model.gates.set(gate, zeros(32));
    expect(await scoresOf(scorer), "with a gate").toEqual(await score(asScore(source), space));
    expect(await scoresOf(scorer)).not.toEqual(dense);
    model.gates.set(gate, undefined);
    writeMasks(model, new Map([[masked, partMask(masked)]]));
    expect(await scoresOf(scorer), "with a mask").toEqual(await score(asScore(source), space));
    expect(await scoresOf(scorer)).not.toEqual(dense);
    // Another mask tensor in place of the first, whose memory is released.
    const { mask } = model.parameters.get(masked);
    model.parameters.get(masked).mask = Tensor.from(gpu, packBits(partMask(masked).data.fill(1)));
    gpu.release(mask!);
    expect(await scoresOf(scorer), "with another mask").toEqual(dense);
    clearMasks(model);
    expect(await scoresOf(scorer), "dense again").toEqual(dense);
    scorer.release();
  });

  test("are kept where only bits or weights change, also by others that collect gates", async () => {
    writeMasks(model, new Map([[masked, partMask(masked)]]));
    const scorers = [1, 2].map(() => new Scorer(model, unitSpace(model, "neuron"), asScore("gateGradient"), options));
    for (const scorer of scorers) await scorer.score();
    const { structure } = model.gates;
    const { allocated } = gpu.memory;
    writeMasks(model, new Map([[masked, partMask(masked)]]));
    for (const scorer of scorers) await scorer.score();
    expect(model.gates.structure).toBe(structure);
    expect(gpu.memory.allocated).toBe(allocated);
    for (const scorer of scorers) scorer.release();
    clearMasks(model);
  });

  test("of evaluation see a gate that comes between two batches", async () => {
    const logits: Float32Array[] = [];
    const close = (done: number) => {
      if (done === 8) model.gates.set(gate, zeros(32));
    };
    await evaluate(model, calibration, {
      batchSize: 8,
      onLogits: (each) => logits.push(each.slice()),
      onProgress: close,
    });
    const gated: Float32Array[] = [];
    await evaluate(model, calibration, { batchSize: 8, onLogits: (each) => gated.push(each.slice()) });
    model.gates.set(gate, undefined);
    expect(logits[0]).not.toEqual(gated[0]);
    expect(logits.slice(1)).toEqual(gated.slice(1));
  });

  test("of training see a mask that comes between two steps", async () => {
    const parameter = model.parameters.get(masked);
    using trainer = new Trainer(model, calibration, { epochs: 1, batchSize: 8, learningRate: 1e-3 });
    await trainer.run({}, 1);
    const before = await parameter.value.read();
    const { shape } = parameter.value;
    writeMasks(model, new Map([[masked, { shape: [...shape], data: new Uint8Array(parameter.size) }]]));
    await trainer.run({}, 2);
    expect(await parameter.value.read(), "removed weights stay as they are").toEqual(before);
    clearMasks(model);
  });

  test("that fail leave no memory behind", async () => {
    const before = gpu.memory.inUse;
    const failing: AnySaliency = {
      ...asScore("gradient"),
      objective: {
        loss: () => {
          throw new Error("no loss");
        },
      },
    };
    await expect(score(failing, unitSpace(model, "weight"))).rejects.toThrow("no loss");
    expect(gpu.memory.inUse).toBe(before);
  });
});

describe("statistics do not depend on", () => {
  test("how often an objective calls forward", async () => {
    const space = unitSpace(model, "neuron");
    const loss: NonNullable<AnySaliency["objective"]>["loss"] = ({ forward, labels }) => {
      const one = () => mean(crossEntropy({ logits: forward().logits, labels }, { smoothing: 0 }));
      return add(one(), one());
    };
    for (const source of ["inputMean", "inputNorm", "outputVariance", "activationMean"]) {
      const twice = await score({ ...asScore(source), objective: { loss } }, space);
      expect(twice, source).toEqual(await score(asScore(source), space));
    }
  });

  test("what else is collected: gradients of removed weights stay zero beside maskGradient", async () => {
    const name = "blocks.0.mlp.fc1.weight";
    const mask = partMask(name);
    writeMasks(model, new Map([[name, mask]]));
    const space = unitSpace(model, "weight");
    const together = (source: string): AnySaliency => ({
      needs: ["gradient", "maskGradient"],
      score: (sources) => sources[source],
    });
    for (const source of ["gradient", "maskGradient"]) {
      expect(await score(together(source), space), source).toEqual(await score(asScore(source), space));
    }
    const { offset, units } = space.groups.find((group) => group.name === "blocks.0.mlp.fc1")!;
    const removed = (values: Float32Array) => values.slice(offset, offset + units).filter((_, i) => !mask.data[i]);
    expect(removed(await score(asScore("gradient"), space)).every((g) => g === 0)).toBe(true);
    expect(removed(await score(asScore("maskGradient"), space)).some((m) => m !== 0)).toBe(true);
    clearMasks(model);
  });
});

describe("shards", () => {
  test("draw signs of their own", async () => {
    const scorers = [undefined, 0, 1, 2].map(
      (shard) => new Scorer(model, unitSpace(model, "weight"), asScore("hessianDiagonal"), { ...options, shard }),
    );
    const [unnamed, first, second, third] = await Promise.all(scorers.map(scoresOf));
    expect(first).toEqual(unnamed);
    expect(second).not.toEqual(first);
    expect(third).not.toEqual(second);
    for (const scorer of scorers) scorer.release();
  });
});

describe("variance where the mean is 10,000 times the deviation", () => {
  const inputs = 12;
  const config = parseModelConfig({ architecture: "mlp", inputs, hidden: [3], num_classes: 2 }, "small");
  const rows = 300;
  /** Column c has the mean c + 1; halves of the data lie a deviation apart. */
  const images = normals(rows * inputs, 1).map((z, i) => {
    const mean = (i % inputs) + 1;
    return mean + mean * 1e-4 * (z + (i < (rows / 2) * inputs ? 0 : 1));
  });
  const part = (start: number, end: number) => ({
    shape: [end - start, inputs],
    data: images.slice(start * inputs, end * inputs),
    labels: Int32Array.from({ length: end - start }, (_, i) => i % 2),
  });
  const variances = Array.from({ length: inputs }, (_, column) => {
    const values = images.filter((_, i) => i % inputs === column);
    const average = values.reduce((sum, x) => sum + x, 0) / rows;
    return values.reduce((sum, x) => sum + (x - average) ** 2, 0) / rows;
  });
  let small: Model;
  beforeAll(() => {
    small = createModel(gpu, config, architectureOf(config).initialWeights(5));
  });

  function scorerOf(start: number, end: number): Scorer {
    const data = arrayDataset(part(start, end), inputSpec(config), "offset");
    const space = unitSpace(small, "weight", { classifier: false });
    return new Scorer(small, space, asScore("inputVariance"), { calibration: data, batchSize: 20, seed: 0 });
  }

  /** Largest relative error of any column. */
  async function errorOf(scorer: Scorer): Promise<number> {
    const scores = (await scorer.scores.read()).subarray(0, inputs);
    return Math.max(...scores.map((score, column) => Math.abs(score / variances[column] - 1)));
  }

  test("over one run, and over merged shards whose means differ, is right to 1e-5", async () => {
    const [whole, first, rest, empty] = [scorerOf(0, rows), scorerOf(0, 100), scorerOf(100, rows), scorerOf(0, rows)];
    for (const scorer of [whole, first, rest]) await scorer.score();
    expect(await errorOf(whole)).toBeLessThan(1e-5);
    const saved = parseStatistics(encodeStatistics(await rest.statistics.read()));
    first.statistics.merge(saved);
    first.evaluate();
    expect(await errorOf(first)).toBeLessThan(1e-5);
    // As a run that is given statistics takes them.
    empty.statistics.merge(await first.statistics.read());
    empty.evaluate();
    expect(await errorOf(empty)).toBeLessThan(1e-5);
    expect(() => empty.statistics.merge({ ...saved, rows: new Map() })).toThrow(/got no count of rows/);
    for (const scorer of [whole, first, rest, empty]) scorer.release();
    small.release();
  });
});

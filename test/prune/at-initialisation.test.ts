/** The rule by which the PX authors' code prunes, for all methods that it has: rounds, counts, thresholds, ties, scopes, and what may come back. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { arrayDataset, inputSpec, type MlpConfig, parseModelConfig } from "../../src/io/index.js";
import { createModel, initialMlpWeights, type Model } from "../../src/nn/index.js";
import { criterionByName, type PruneOptions, Pruner, readMasks } from "../../src/prune/index.js";
import { backwardMlp, crossEntropyGradient, type Float64Layer, forwardMlp } from "../harness/float64-mlp.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const JSON_CONFIG = { architecture: "mlp", inputs: 20, hidden: [13, 9], num_classes: 4 };
const config = parseModelConfig(JSON_CONFIG, "mlp") as MlpConfig;
const LAYERS = ["lin.0", "lin.1", "lin.2"];
const EXAMPLES = 24;
const images = normals(EXAMPLES * 20, 5);
const labels = Int32Array.from({ length: EXAMPLES }, (_, i) => (i * 7) % 4);
const calibration = arrayDataset({ shape: [EXAMPLES, 20], data: images, labels }, inputSpec(config), "test");
const weights = initialMlpWeights(config, 3);
const DENSITY = 0.1;
const ROUNDS = 4;

const options = (method: string, more: Partial<PruneOptions> = {}): PruneOptions => ({
  saliency: criterionByName(method),
  sparsity: 1 - DENSITY,
  rounds: ROUNDS,
  calibration,
  batchSize: 12,
  reference: true,
  protection: { classifier: false, embedding: false },
  seed: 11,
  ...more,
});

interface SeenRound {
  /** By group of units. */
  readonly scores: ReadonlyMap<string, Float32Array>;
  readonly masks: ReadonlyMap<string, Uint8Array>;
}

async function watch(model: Model, settings: PruneOptions): Promise<SeenRound[]> {
  const seen: SeenRound[] = [];
  using pruner = new Pruner(model, settings);
  let scores = new Map<string, Float32Array>();
  pruner.on("scored", async (event) => {
    const all = await event.scores.read();
    scores = new Map(
      pruner.space.groups.map(({ name, offset, units }) => [name, all.slice(offset, offset + units)] as const),
    );
  });
  pruner.on("roundCompleted", async () => {
    const masks = await readMasks(model);
    seen.push({
      scores,
      masks: new Map(LAYERS.map((name) => [name, masks.get(`${name}.weight`)!.data] as const)),
    });
  });
  await pruner.run();
  return seen;
}

const METHODS = ["random", "magnitude", "snip", "grasp", "synflow", "synflow-l2", "px", "ntk-sap"];
const SCOPES = ["global", "layer"] as const;

describe.each(METHODS)("%s", (method) => {
  test.each(SCOPES)("prunes what is not above the k-th smallest score in scope %s", async (scope) => {
    const model = createModel(gpu, config, weights);
    const rounds = await watch(model, options(method, { scope }));
    expect(rounds).toHaveLength(ROUNDS);
    rounds.forEach(({ scores, masks }, round) => {
      const density = DENSITY ** ((round + 1) / ROUNDS);
      const ranges = scope === "global" ? [LAYERS] : LAYERS.map((name) => [name]);
      for (const names of ranges) {
        const ranked = names.flatMap((name) => [...scores.get(name)!]).sort((a, b) => a - b);
        const threshold = ranked[Math.trunc((1 - density) * ranked.length) - 1];
        for (const name of names) {
          const want = scores.get(name)!.map((score) => Number(score > threshold));
          expect([...masks.get(name)!], `round ${round} ${name}`).toEqual([...want]);
        }
      }
    });
    model.release();
  });
});

const float64Layers = (masks?: ReadonlyMap<string, Uint8Array>): Float64Layer[] =>
  LAYERS.map((name) => {
    const bits = masks?.get(name);
    const value = weights.get(`${name}.weight`)!.data;
    return {
      weight: Float64Array.from(value, (w, i) => (bits?.[i] === 0 ? 0 : w)),
      bias: Float64Array.from(weights.get(`${name}.bias`)!.data),
    };
  });

/** |sum over batches of g w| / total, g the gradient by the weight in effect, whether it is removed or not. */
function snipOracle(masks: ReadonlyMap<string, Uint8Array> | undefined, batch: number): Float64Array[] {
  const layers = float64Layers(masks);
  const sums = layers.map(({ weight }) => new Float64Array(weight.length));
  for (let start = 0; start < EXAMPLES; start += batch) {
    const pass = forwardMlp(layers, images.subarray(start * 20, (start + batch) * 20), batch);
    const dLogits = crossEntropyGradient(pass.logits, labels.subarray(start, start + batch));
    for (const [index, gradient] of backwardMlp(layers, pass, dLogits, batch).entries()) {
      const w = weights.get(`${LAYERS[index]}.weight`)!.data;
      gradient.forEach((g, i) => {
        sums[index][i] += g * w[i];
      });
    }
  }
  const total = sums.reduce((sum, each) => sum + each.reduce((part, value) => part + Math.abs(value), 0), 0);
  return sums.map((each) => each.map((value) => Math.abs(value) / total));
}

const comesBack = (rounds: readonly SeenRound[]): number =>
  rounds.slice(1).reduce((count, { masks }, before) => {
    const back = LAYERS.map((name) => {
      const was = rounds[before].masks.get(name)!;
      return masks.get(name)!.filter((bit, i) => bit === 1 && was[i] === 0).length;
    });
    return count + back.reduce((a, b) => a + b, 0);
  }, 0);

describe("snip in rounds", () => {
  test("scores removed weights by what they would do, so that they may come back", async () => {
    const model = createModel(gpu, config, weights);
    const rounds = await watch(model, options("snip"));
    rounds.forEach(({ scores }, round) => {
      const want = snipOracle(rounds[round - 1]?.masks, 12);
      const largest = Math.max(...want.map((each) => each.reduce((most, value) => Math.max(most, value), 0)));
      LAYERS.forEach((name, index) => {
        scores.get(name)!.forEach((score, i) => {
          expect(Math.abs(score - want[index][i]) / largest, `round ${round} ${name} ${i}`).toBeLessThan(1e-5);
        });
      });
    });
    expect(comesBack(rounds)).toBeGreaterThan(0);
    model.release();
  });

  test.each<[string, Partial<PruneOptions>, boolean]>([
    ["by default", { reference: false }, false],
    ["by default, unless asked", { reference: false, monotone: false }, true],
    ["under reference with monotone", { monotone: true }, false],
  ])("%s", async (_, more, back) => {
    const model = createModel(gpu, config, weights);
    expect(comesBack(await watch(model, options("snip", more))) > 0).toBe(back);
    model.release();
  });
});

test("random scores are standard normal under reference, drawn anew in each round, by seed", async () => {
  const wide = parseModelConfig({ ...JSON_CONFIG, hidden: [300, 100] }, "mlp") as MlpConfig;
  const draw = async (seed: number): Promise<Float32Array[]> => {
    const model = createModel(gpu, wide, initialMlpWeights(wide, 1));
    const rounds = await watch(model, options("random", { seed }));
    model.release();
    return rounds.map(({ scores }) => Float32Array.from(LAYERS.flatMap((name) => [...scores.get(name)!])));
  };
  const [first, second] = await draw(1);
  const count = first.length;
  const moment = (power: number) => first.reduce((sum, value) => sum + value ** power, 0) / count;
  // Within five standard errors of 0, 1, 0 and 3.
  expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(count));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
  expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / count));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
  expect(second).not.toEqual(first);
  expect((await draw(1))[0]).toEqual(first);
  expect((await draw(2))[0]).not.toEqual(first);
});

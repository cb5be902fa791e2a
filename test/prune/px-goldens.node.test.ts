/** Criteria against the PX authors' own pruners: scores, kept counts and masks, under their rules. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { arrayDataset, type FloatTensor, inputSpec, parseModelConfig, parseSafetensors } from "../../src/io/index.js";
import { createModel } from "../../src/nn/index.js";
import { criterionByName, Pruner, px, Scorer, unitSpace } from "../../src/prune/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { missing, sharedPath } from "../harness/shared.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

interface GoldenRun {
  readonly method: string;
  readonly remaining_ratio: number;
  readonly rounds: number;
  readonly history: readonly (readonly [density: number, kept: number, total: number])[];
}

const resNetJson = ([, in_chans, img_size]: readonly number[]) => ({ architecture: "resnet20", in_chans, img_size });

function mlpJson(weights: ReadonlyMap<string, FloatTensor>) {
  const layers = [...weights].filter(([name]) => name.endsWith(".weight")).sort();
  const widths = layers.map(([, { shape }]) => shape[0]);
  return {
    architecture: "mlp",
    inputs: layers[0][1].shape[1],
    hidden: widths.slice(0, -1),
    num_classes: widths.at(-1),
    bias: weights.has("lin.0.bias"),
  };
}

function open(folder: string) {
  const file = (name: string) => {
    const path = sharedPath(`goldens/${folder}/${name}.safetensors`);
    return parseSafetensors(readFileSync(path), path).tensors;
  };
  const weights = file("model") as Map<string, FloatTensor>;
  const images = file("calibration").get("images")!;
  const config = parseModelConfig(weights.has("conv.weight") ? resNetJson(images.shape) : mlpJson(weights), folder);
  const labels = file("calibration").get("labels")!.data as BigInt64Array;
  const data = { shape: images.shape, data: images.data as Float32Array, labels };
  const { runs, n } = JSON.parse(readFileSync(sharedPath(`goldens/${folder}/runs.json`), "utf8"));
  return {
    file,
    weights,
    config,
    calibration: arrayDataset(data, inputSpec(config), folder),
    runs: runs as GoldenRun[],
    n,
  };
}

const RESNET = "px-resnet20-a";
const FOLDERS = ["px-mlp-a", "px-mlp-b", RESNET];
/** GraSP's scores come from a difference of large numbers; near ties fall on either side. */
const AGREEMENT: Readonly<Record<string, number>> = {
  magnitude: 0.999,
  snip: 0.999,
  grasp: 0.99,
  synflow: 0.999,
  synflow_l2: 0.999,
  px: 0.999,
};

/** Scores of the last round that ran, within 1e-4 of each layer's largest. */
async function expectScores(pruner: Pruner, golden: ReadonlyMap<string, { readonly data: unknown }>): Promise<void> {
  const got = await pruner.scorer.scores.read();
  for (const { name, members, offset } of pruner.space.groups) {
    const want = golden.get(members[0].parameter)!.data as Float32Array;
    const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = want.reduce((most, value, i) => Math.max(most, Math.abs(value - got[offset + i])), 0);
    expect(worst / largest, name).toBeLessThan(1e-4);
  }
}

describe.each(FOLDERS)("%s", (folder) => {
  const skip = missing(`goldens/${folder}`);
  const has = (name: string) => !missing(`goldens/${folder}/${name}.safetensors`);
  const methods = Object.entries(AGREEMENT).filter(
    ([method]) => skip || (has(`${method}.mask`) && !(method === "px" && folder === RESNET)),
  );

  test.skipIf(skip).each(methods)(`%s${skip ? ` (${skip})` : ""}`, async (method, agreement) => {
    const { file, weights, config, calibration, runs, n } = open(folder);
    const { remaining_ratio, rounds, history } = runs.find((run) => run.method === method)!;
    const model = createModel(gpu, config, weights);
    using pruner = new Pruner(model, {
      saliency: criterionByName(method.replace("_", "-")),
      sparsity: 1 - remaining_ratio,
      rounds,
      schedule: "exponential",
      calibration,
      batchSize: n,
      reference: true,
    });
    const [first, last] = [`${method}.scores_round1`, `${method}.scores_last`];
    await pruner.step();
    if (has(first)) await expectScores(pruner, file(first));
    await pruner.run();
    if (has(last)) await expectScores(pruner, file(last));
    expect(pruner.rounds.map(({ kept }) => kept)).toEqual(history.map(([, kept]) => kept));
    let equal = 0;
    for (const [name, { data: want }] of file(`${method}.mask`)) {
      const words = await model.parameters.get(name).mask!.readWords();
      (want as Uint8Array).forEach((bit, i) => {
        equal += Number(((words[i >> 5] >>> (i & 31)) & 1) === bit);
      });
    }
    expect(equal / pruner.space.count).toBeGreaterThanOrEqual(agreement);
    model.release();
  });
});

const WITHOUT_BIASES = "px-mlp-b";
const skipMlp = missing(`goldens/${WITHOUT_BIASES}`);

test.skipIf(skipMlp)(
  `px by this library's rules is the same on a ReLU net without biases${skipMlp ? ` (${skipMlp})` : ""}`,
  async () => {
    const { file, weights, config, calibration, runs, n } = open(WITHOUT_BIASES);
    expect([...weights.keys()].filter((name) => name.endsWith("bias"))).toEqual([]);
    const { remaining_ratio, rounds, history } = runs.find(({ method }) => method === "px")!;
    const model = createModel(gpu, config, weights);
    const protection = { classifier: false, embedding: false };
    using pruner = new Pruner(model, {
      saliency: px,
      sparsity: 1 - remaining_ratio,
      rounds,
      calibration,
      batchSize: n,
      protection,
    });
    await pruner.step();
    await expectScores(pruner, file("px.scores_round1"));
    await pruner.run();
    await expectScores(pruner, file("px.scores_last"));
    expect(pruner.rounds.map(({ kept }) => kept)).toEqual(history.map(([, kept]) => kept));
    model.release();
  },
);

const skipResNet = missing(`goldens/${RESNET}`);

/**
 * docs/criteria/px.md derives it: with the batch's statistics R has no gradient by convolutions, so that what the authors' code scores there are rounding
 * errors, which other code cannot meet. Once the file holds something else, this test fails: compare px as the others above then.
 */
test.skipIf(skipResNet)(
  `px by its authors' rules has nothing to score on their ResNet-20${skipResNet ? ` (${skipResNet})` : ""}`,
  async () => {
    const { file, weights, config, calibration, runs, n } = open(RESNET);
    const model = createModel(gpu, config, weights);
    const { remaining_ratio, rounds, history } = runs.find(({ method }) => method === "px")!;
    {
      using pruner = new Pruner(model, {
        saliency: px,
        sparsity: 1 - remaining_ratio,
        rounds,
        calibration,
        batchSize: n,
        reference: true,
      });
      const some = 4; // of the rounds, to save time
      for (let round = 0; round < some; round++) await pruner.step();
      // Errors seldom tie, so the counts are the authors' all the same.
      expect(pruner.rounds.map(({ kept }) => kept)).toEqual(history.slice(0, some).map(([, kept]) => kept));
      pruner.reset();
    }
    const space = unitSpace(model, "weight", { embedding: false, classifier: false });
    /** Scores of a layer, with the calibration data in batches of so many: of any method but this one the same but for rounding. */
    const scoresBy = async (batchSize: number, reference: boolean) => {
      const scorer = new Scorer(model, space, px, { calibration, batchSize, seed: 0, reference });
      await scorer.score();
      const scores = await scorer.scores.read();
      scorer.release();
      return scores;
    };
    const difference = (a: Float32Array, b: Float32Array, { offset, units }: (typeof space.groups)[number]) => {
      const range = [...a.subarray(offset, offset + units).keys()].map((i) => offset + i);
      const largest = range.reduce((most, i) => Math.max(most, Math.abs(a[i])), 0);
      return range.reduce((most, i) => Math.max(most, Math.abs(a[i] - b[i])), 0) / largest;
    };
    const convolutions = space.groups.filter(({ name }) => name !== "fc");
    const [published, again] = [await scoresBy(20, true), await scoresBy(4, true)];
    const [extended, extendedAgain] = [await scoresBy(20, false), await scoresBy(4, false)];
    const golden = new Float32Array(space.count);
    for (const { members, offset } of space.groups) {
      golden.set(file("px.scores_round1").get(members[0].parameter)!.data as Float32Array, offset);
    }
    for (const group of convolutions) {
      // By the library's rules scores hold in any batches; by the authors' not one digit does, here or in their file.
      expect(difference(extended, extendedAgain, group), group.name).toBeLessThan(1e-4);
      expect(difference(published, again, group), group.name).toBeGreaterThan(0.1);
      expect(difference(golden, published, group), group.name).toBeGreaterThan(0.1);
    }
    model.release();
  },
);

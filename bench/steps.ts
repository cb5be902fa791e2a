/**
 * Whole steps of networks: forward and backward, and beside them, in the same run, a round of path exclusion over the same batch. In the counted
 * rounds classifier weights are pruned too, so that z1 counts the active paths of the whole batch.
 */
import type { Gpu } from "../src/gpu/index.js";
import { arrayDataset, type Dataset, inputSpec, type ModelConfig, parseModelConfig } from "../src/io/index.js";
import { architectureOf, type Model, ModelRecording } from "../src/nn/index.js";
import { Pruner, px } from "../src/prune/index.js";
import { backward, crossEntropy, mean, Tensor } from "../src/tensor/index.js";
import { normals } from "../test/harness/random.js";
import type { Measurement } from "./time-case.js";

/** A network and a batch. */
interface StepSetting {
  readonly name: string;
  readonly json: Record<string, unknown>;
  readonly batch: number;
}

const SETTINGS: readonly StepSetting[] = [
  {
    name: "ViT 4 x 64, 16 patches, batch 32",
    json: { img_size: 28, patch_size: 7, in_chans: 1, embed_dim: 64, depth: 4, num_heads: 4, num_classes: 10 },
    batch: 32,
  },
  {
    name: "DeiT-tiny, 224 x 224, batch 8",
    json: { img_size: 224, patch_size: 16, embed_dim: 192, depth: 12, num_heads: 3, num_classes: 1000 },
    batch: 8,
  },
  { name: "ResNet-20, 32 x 32, batch 16", json: { architecture: "resnet20", num_classes: 10 }, batch: 16 },
  { name: "LeNet-300-100, batch 100", json: { architecture: "lenet_300_100" }, batch: 100 },
];

const SPARSITY = 0.9;
const SAMPLES = 5;
/** Rounds before those that are timed: after the first there are masks, and after the second steps are recorded with them. */
const ROUNDS_BEFORE = 2;

const KINDS = {
  dense: "forward+backward",
  uniform: "px round, whole classifier",
  pruned: "forward+backward, pruned",
  counted: "px round, counted",
};

const caseName = ({ name }: StepSetting, kind: string): string => `step: ${name}: ${kind}`;

/** Names of all steps, for a filter. */
export const stepNames = (setting: StepSetting): string[] =>
  Object.values(KINDS).map((kind) => caseName(setting, kind));

export const selectSteps = (filter: RegExp | undefined): StepSetting[] =>
  SETTINGS.filter((setting) => !filter || stepNames(setting).some((name) => filter.test(name)));

function randomBatch(config: ModelConfig, batch: number): Dataset {
  const spec = inputSpec(config);
  const shape = [batch, ...spec.sampleShape];
  const data = normals(
    shape.reduce((product, extent) => product * extent, 1),
    1,
  );
  const labels = Int32Array.from({ length: batch }, (_, index) => index % spec.numClasses);
  return arrayDataset({ shape, data, labels }, spec, "random numbers");
}

async function shortest(once: () => Promise<unknown>): Promise<readonly [milliseconds: number, median: number]> {
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const start = performance.now();
    await once();
    samples.push(performance.now() - start);
  }
  samples.sort((a, b) => a - b);
  return [samples[0], samples[SAMPLES >> 1]];
}

/** A step that gives the gradient of every parameter. */
function gradientStep(model: Model, batch: number): { run: () => Promise<void>; release: () => void } {
  const images = Tensor.zeros(model.gpu, [batch, ...model.sampleShape]);
  images.write(normals(images.size, 2));
  const labels = Tensor.zeros(model.gpu, [batch], "u32");
  const recording = new ModelRecording(model, () => {
    const { logits } = model.forward(images);
    backward(mean(crossEntropy({ logits, labels }, { smoothing: 0 })));
  });
  return {
    run: async () => {
      recording.replay();
      await model.gpu.sync();
    },
    release: () => {
      recording.release();
      model.gpu.release(images);
      model.gpu.release(labels);
    },
  };
}

/** Times a network's steps, dense and after rounds have pruned. A round scores, selects, and writes the masks. */
export async function timeStep(gpu: Gpu, setting: StepSetting): Promise<Measurement[]> {
  const config = parseModelConfig(setting.json, setting.name);
  const architecture = architectureOf(config);
  const calibration = randomBatch(config, setting.batch);
  const results: Measurement[] = [];
  const measure = async (kind: string, once: () => Promise<unknown>) => {
    const [milliseconds, median] = await shortest(once);
    const unknown = { dispatches: undefined, gflops: undefined, gigabytesPerSecond: undefined };
    results.push({ name: caseName(setting, kind), milliseconds, median, ...unknown });
  };
  for (const whole of [true, false]) {
    const model = architecture.create(gpu, architecture.initialWeights(1));
    const step = gradientStep(model, setting.batch);
    using pruner = new Pruner(model, {
      saliency: px,
      sparsity: SPARSITY,
      rounds: ROUNDS_BEFORE + SAMPLES,
      calibration,
      batchSize: setting.batch,
      protection: { classifier: whole },
    });
    try {
      await step.run(); // compiles
      if (whole) await measure(KINDS.dense, step.run);
      for (let round = 0; round < ROUNDS_BEFORE; round++) await pruner.step();
      await step.run(); // recorded anew, as masks came
      if (!whole) await measure(KINDS.pruned, step.run);
      await measure(whole ? KINDS.uniform : KINDS.counted, () => pruner.step());
    } finally {
      step.release();
      model.release();
    }
  }
  return results;
}

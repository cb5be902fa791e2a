/**
 * Whole steps of networks: what users wait for. A round scores, selects, and writes the masks; a round of path exclusion does so with its forward and
 * backward passes over a batch, and beside it stands one by magnitude, whose score costs next to nothing.
 */
import type { Gpu } from "../src/gpu/index.js";
import { arrayDataset, type Dataset, inputSpec, type ModelConfig, parseModelConfig } from "../src/io/index.js";
import { type Architecture, architectureOf, type Model, ModelRecording } from "../src/nn/index.js";
import { magnitude, Pruner, px } from "../src/prune/index.js";
import { backward, crossEntropy, mean, Tensor, withoutHistory } from "../src/tensor/index.js";
import { ADAMW_DEFAULTS, AdamW } from "../src/train/index.js";
import { normals } from "../test/harness/random.js";
import type { PreparedRow, Row } from "./row.js";

/** A network and a batch. */
interface Setting {
  readonly name: string;
  readonly json: Record<string, unknown>;
  readonly batch: number;
  readonly full?: boolean;
}

const deit = (name: string, embed_dim: number, batch: number, full = true): Setting => ({
  name: `${name}, 224 x 224, batch ${batch}`,
  json: { img_size: 224, patch_size: 16, embed_dim, depth: 12, num_heads: embed_dim / 64, num_classes: 1000 },
  ...{ batch, full },
});

const SETTINGS: readonly Setting[] = [
  {
    name: "ViT 4 x 64, 16 patches, batch 32",
    json: { img_size: 28, patch_size: 7, in_chans: 1, embed_dim: 64, depth: 4, num_heads: 4, num_classes: 10 },
    batch: 32,
  },
  { name: "ResNet-20, 32 x 32, batch 16", json: { architecture: "resnet20", num_classes: 10 }, batch: 16 },
  { name: "LeNet-300-100, batch 100", json: { architecture: "lenet_300_100" }, batch: 100 },
  deit("DeiT-tiny", 192, 8, false),
  ...[1, 64].map((batch) => deit("DeiT-tiny", 192, batch)),
  ...[1, 8, 64].map((batch) => deit("DeiT-small", 384, batch)),
  ...[1, 8, 64].map((batch) => deit("DeiT-base", 768, batch)),
];

const SPARSITY = 0.9;
/** More than a row ever runs. */
const ROUNDS = 10_000;

/** A model with a batch of random numbers on a device. */
class Bench implements Disposable {
  readonly model: Model;
  readonly #images: Tensor;
  readonly #labels: Tensor;

  constructor(
    readonly gpu: Gpu,
    readonly setting: Setting,
    readonly config: ModelConfig,
    architecture: Architecture,
  ) {
    this.model = architecture.create(gpu, architecture.initialWeights(1));
    this.#images = Tensor.zeros(gpu, [setting.batch, ...this.model.sampleShape]);
    this.#images.write(normals(this.#images.size, 2));
    this.#labels = Tensor.zeros(gpu, [setting.batch], "u32");
  }

  forward(): Tensor {
    return this.model.forward(this.#images).logits;
  }

  gradients() {
    return backward(mean(crossEntropy({ logits: this.forward(), labels: this.#labels }, { smoothing: 0 })));
  }

  /** The batch as calibration data. */
  get dataset(): Dataset {
    const spec = inputSpec(this.config);
    const { batch } = this.setting;
    const shape = [batch, ...spec.sampleShape];
    const labels = Int32Array.from({ length: batch }, (_, index) => index % spec.numClasses);
    return arrayDataset({ shape, data: normals(this.#images.size, 2), labels }, spec, "random numbers");
  }

  [Symbol.dispose](): void {
    this.model.release();
    for (const tensor of [this.#images, this.#labels]) this.gpu.release(tensor);
  }
}

/** Releases in the order given. */
const prepared = (run: PreparedRow["run"], ...parts: readonly Disposable[]): PreparedRow => ({
  run,
  [Symbol.dispose]: () => {
    for (const part of parts) part[Symbol.dispose]();
  },
});

function recorded(bench: Bench, record: () => unknown, ...parts: readonly Disposable[]): PreparedRow {
  const recording = new ModelRecording(bench.model, record as () => undefined);
  return prepared(() => void recording.replay(), recording, ...parts, bench);
}

function trainingStep(bench: Bench): PreparedRow {
  const optimizer = new AdamW(bench.gpu, bench.model.parameters, ADAMW_DEFAULTS);
  optimizer.prepare(0, 1e-4);
  const parts = { [Symbol.dispose]: () => optimizer.release() };
  return recorded(bench, () => optimizer.update(bench.gradients()), parts);
}

/** Puts masks on every prunable weight that remove none of them, or hardly any. */
async function maskNothing(bench: Bench): Promise<void> {
  using pruner = new Pruner(bench.model, { saliency: magnitude, sparsity: 1e-6 });
  await pruner.step();
}

function rounds(bench: Bench, saliency: typeof px | typeof magnitude): PreparedRow {
  const calibration = bench.dataset;
  const batchSize = bench.setting.batch;
  const options = { saliency, sparsity: SPARSITY, rounds: ROUNDS, calibration, batchSize };
  const pruner = new Pruner(bench.model, options as ConstructorParameters<typeof Pruner>[1]);
  return prepared(async () => void (await pruner.step()), pruner, bench);
}

/** What is done with a network; `passes` counts forward passes' worth of FLOPs, where it is about that. */
interface Step {
  readonly name: string;
  readonly passes?: number;
  prepare(bench: Bench): PreparedRow | Promise<PreparedRow>;
}

/** A backward pass takes two products for each one of the forward pass. */
const TRAINING_PASSES = 3;

const STEPS: readonly Step[] = [
  {
    ...{ name: "forward", passes: 1 },
    prepare: (bench) => recorded(bench, () => withoutHistory(() => bench.forward())),
  },
  {
    ...{ name: "forward+backward", passes: TRAINING_PASSES },
    prepare: (bench) => recorded(bench, () => bench.gradients()),
  },
  { ...{ name: "training step", passes: TRAINING_PASSES }, prepare: trainingStep },
  {
    ...{ name: "training step, dense masks", passes: TRAINING_PASSES },
    prepare: async (bench) => {
      await maskNothing(bench);
      return trainingStep(bench);
    },
  },
  { name: "px round", prepare: (bench) => rounds(bench, px) },
  { name: "prune round by magnitude", prepare: (bench) => rounds(bench, magnitude) },
];

async function prepareStep(step: Step, bench: Bench): Promise<PreparedRow> {
  try {
    return await step.prepare(bench);
  } catch (error) {
    bench[Symbol.dispose]();
    throw error;
  }
}

export function stepRows(): Row[] {
  return SETTINGS.flatMap((setting) => {
    const config = parseModelConfig(setting.json, setting.name);
    const architecture = architectureOf(config);
    return STEPS.map(
      (step): Row => ({
        name: `step: ${setting.name}: ${step.name}`,
        family: "step",
        flops: step.passes && step.passes * architecture.flops * setting.batch,
        full: setting.full,
        prepare: (gpu) => prepareStep(step, new Bench(gpu, setting, config, architecture)),
      }),
    );
  });
}

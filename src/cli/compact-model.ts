/** Cuts what masks removed out of a model, checks that it computes the same, and measures what that saves. */
import { GpuError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { type Checkpoint, encodeCheckpoint, weightsFileLength, withNetwork } from "../io/checkpoint.js";
import type { ModelConfig } from "../io/config.js";
import { parameterCount } from "../io/parameters.js";
import { architectureOf, createModel, type Model, type ModelWeights } from "../nn/index.js";
import { compactWeights, leaveTokens, type MaskSet, maskWeights, withAllTokens } from "../prune/index.js";
import { integer, rate, siPrefix } from "../report/format.js";
import type { Compacted, Footprint } from "../report/index.js";
import { Tensor } from "../tensor/index.js";
import { keyedGenerator } from "../train/index.js";
import { endAt } from "./depths.js";
import { imagesPerSecond } from "./speed.js";
import { textTable } from "./table.js";

export interface CompactSettings {
  /** Numbers of kept units are rounded up to multiples of this. */
  readonly roundTo?: number;
  /** Blocks after which the network ends, at the classifier that is there; default: all. */
  readonly depth?: number;
  /** Part of the patch tokens that some blocks keep; left out: nothing changes in that. */
  readonly keepTokens?: number;
  /** Those blocks, by index; default: three, behind each quarter of the depth. */
  readonly at?: readonly number[];
  /** Images in a batch whose speed is measured; default: as many as take a few seconds on a slow device, at most 64. */
  readonly speedBatch?: number;
}

export interface CompactModel {
  /** Its checkpoint's files by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly numbers: Compacted;
  /** Largest difference of logits from those of the model with masks, as a part of the largest logit. */
  readonly difference: number;
  /** Parameters that only round numbers up. */
  readonly zeros: number;
}

/** What rounding may come to; a cut that changes the function is far above. */
const TOLERANCE = 1e-4;

const SLOW_FLOPS = 4e10;

/** The largest power of two up to 64 whose batch a slow device computes in seconds. */
const speedBatchFor = (flops: number): number =>
  2 ** Math.min(6, Math.max(0, Math.floor(Math.log2(SLOW_FLOPS / flops))));

/** @throws UsageError for a model that cannot be cut; GpuError where the smaller model computes something else. */
export async function compactModel(
  gpu: Gpu,
  checkpoint: Checkpoint,
  masks: MaskSet,
  { roundTo, depth, keepTokens, at, speedBatch }: CompactSettings,
): Promise<CompactModel> {
  const weights = maskWeights(checkpoint.weights, masks);
  const whole = { config: checkpoint.config, weights };
  const ended = depth === undefined ? whole : endAt(whole, depth);
  const config = keepTokens === undefined ? ended.config : leaveTokens(ended.config, keepTokens, at);
  const cut = compactWeights(config, ended.weights, { roundTo });
  const files = encodeCheckpoint(withNetwork(checkpoint, cut));
  const tight = compactWeights(cut.config, cut.weights, { roundTo: 1 });
  const zeros = parameterCount(cut.config) - parameterCount(tight.config);

  const models: Model[] = [];
  try {
    models.push(createModel(gpu, whole.config, weights));
    models.push(createModel(gpu, cut.config, cut.weights));
    const [wholeModel, smallModel] = models;
    const masked = depth === undefined ? valuesOf(wholeModel) : ended.weights;
    const difference = await largestDifference(gpu, [config, masked], [cut.config, valuesOf(smallModel)]);
    if (!(difference < TOLERANCE)) {
      throw new GpuError(
        `compact: expected the masked model's outputs within ${TOLERANCE}, got a difference of ${difference}; report it, and keep the masked model`,
      );
    }
    const batch = speedBatch ?? speedBatchFor(architectureOf(whole.config).flops);
    const [dense, compact] = await imagesPerSecond(models, batch);
    const numbers = {
      batch,
      dense: footprint(whole.config, weightsFileLength({ ...checkpoint, weights }), dense),
      compact: footprint(cut.config, files.get("model.safetensors")!.byteLength, compact),
    };
    return { files, numbers, difference, zeros };
  } finally {
    for (const model of models) model.release();
  }
}

const IMAGES = 4;

/** Weights where they lie on the device. */
const valuesOf = ({ parameters }: Model): ModelWeights =>
  new Map(Array.from(parameters, ({ name, value }) => [name, value]));

/** On random images. Both see all tokens: of two that get the same attention but for rounding, each could keep the other one. */
async function largestDifference(
  gpu: Gpu,
  ...networks: readonly [masked: readonly [ModelConfig, ModelWeights], compact: readonly [ModelConfig, ModelWeights]]
): Promise<number> {
  const [masked, compact] = networks.map(([config, weights]) => createModel(gpu, withAllTokens(config), weights));
  const shape = [IMAGES, ...masked.sampleShape];
  const next = keyedGenerator(0, 0);
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 4 * next() - 2);
  using _scope = gpu.scope();
  const images = Tensor.from(gpu, data, shape);
  const [want, got] = [masked.forward(images).logits, compact.forward(images).logits];
  const [expected, measured] = [await want.read(), await got.read()];
  for (const model of [masked, compact]) model.release();
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = measured.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
  return largest > 0 ? difference / largest : difference;
}

const footprint = (config: ModelConfig, bytes: number, imagesPerSecond: number): Footprint => ({
  parameters: parameterCount(config),
  flops: architectureOf(config).flops,
  bytes,
  imagesPerSecond,
});

/** A table for people, and what they should know of it. */
export function compactText({ numbers: { batch, dense, compact }, zeros }: CompactModel): string[] {
  const row = (name: string, { parameters, flops, bytes, imagesPerSecond: speed }: Footprint) => [
    name,
    integer(parameters),
    siPrefix(flops),
    integer(bytes),
    rate(speed),
  ];
  const head = ["", "parameters", "FLOPs", "bytes", `images a second (batch ${batch})`];
  const nothing = dense.parameters === compact.parameters && dense.flops === compact.flops;
  return [
    ...(zeros > 0
      ? [
          `${integer(zeros)} of the compact model's parameters are zeros that round widths up; --round-to 1 cuts them too`,
        ]
      : []),
    textTable([head, row("dense", dense), row("compact", compact)]),
    ...(nothing
      ? [
          zeros > 0
            ? "warning: nothing was cut: no more is zero than rounding leaves in"
            : "warning: nothing was cut: no unit is zero as a whole; prune by head, neuron or another kind of unit",
        ]
      : []),
  ];
}

/** `secateur eval`: accuracy, loss and speed. */
import type { Dataset } from "../../io/dataset.js";
import { checkWritableFile, openDataset, writeFileAtomic } from "../../io/node/index.js";
import { encodeSafetensors } from "../../io/safetensors.js";
import { createModel, type Precision } from "../../nn/index.js";
import { writeMasks } from "../../prune/index.js";
import { decimal, integer, percent, rate } from "../../report/format.js";
import { evaluate } from "../../train/index.js";
import { ClassSubsetMeter } from "../class-subset.js";
import type { CommandContext, Outcome } from "../host.js";
import { loadMasks, loadWithWeights, modelName } from "../model.js";
import { dataPlaces, modelPlaces, refuseInputFile } from "../places.js";
import { Progress } from "../progress.js";
import { classWarnings, logitWarnings } from "../warnings.js";

export interface EvalArguments {
  readonly data: string;
  readonly masks?: string;
  readonly batch: number;
  readonly precision: Precision;
  readonly logits?: string;
}

export async function evaluateModel(context: CommandContext, path: string, options: EvalArguments): Promise<Outcome> {
  if (options.logits !== undefined) {
    const masks = options.masks === undefined ? [] : [options.masks];
    refuseInputFile("logits", options.logits, [...modelPlaces(path), ...masks, ...dataPlaces(options.data)]);
    await checkWritableFile(options.logits);
  }
  const checkpoint = await loadWithWeights(path);
  const masks = options.masks === undefined ? undefined : await loadMasks(options.masks, checkpoint);
  const dataset = await openDataset(options.data, checkpoint.config);

  using gpu = await context.openGpu();
  const { precision } = options;
  const model = createModel(gpu, checkpoint.config, checkpoint.weights, { precision });
  if (masks) writeMasks(model, masks);
  using progress = new Progress(context.stderr, dataset.length);
  const among = ClassSubsetMeter.for(dataset);
  const allLogits = options.logits === undefined ? undefined : new Float32Array(dataset.length * dataset.numClasses);
  let received = 0;
  const start = performance.now();
  const wholeBatchEnds: number[] = [];
  const metrics = await evaluate(model, dataset, {
    batchSize: options.batch,
    signal: context.signal,
    onLogits: (logits, count) => {
      allLogits?.set(logits, received * dataset.numClasses);
      among?.add(logits, dataset.labels.subarray(received, received + count));
      received += count;
      if (count === options.batch) wholeBatchEnds.push(performance.now());
      progress.advance(count, "images");
    },
  });
  const seconds = (performance.now() - start) / 1000;
  context.signal.throwIfAborted();
  if (allLogits) await writeFileAtomic(options.logits!, encodeLogits(allLogits, dataset));
  progress.clear();

  const imagesPerSecond = paceOf(wholeBatchEnds, options.batch) ?? metrics.examples / seconds;
  const subset = among && { classes: among.classes, top1: among.top1 };
  const lines = [
    `${modelName(path)}${precision === "f16" ? " in f16" : ""} on ${integer(metrics.examples)} images of ${dataset.source}`,
    `top-1 ${percent(metrics.top1)}  top-5 ${percent(metrics.top5)}  loss ${decimal(metrics.loss)}  ${rate(imagesPerSecond)} images a second`,
  ];
  if (subset) lines.push(`top-1 among the ${subset.classes} classes of the data ${percent(subset.top1)}`);
  const warnings = [...classWarnings(dataset), ...logitWarnings("model", metrics.nonFinite)];
  lines.push(...warnings);
  if (options.logits) lines.push(`${options.logits}: logits, labels`);
  return {
    data: {
      command: "eval",
      model: modelName(path),
      data: dataset.source,
      precision,
      ...metrics,
      amongClasses: subset ?? null,
      imagesPerSecond,
      seconds,
      peakBytes: gpu.memory.peak,
      logits: options.logits ?? null,
      warnings,
      adapter: gpu.info.description,
    },
    text: lines.join("\n"),
  };
}

/** Images a second of whole batches after the first, which compiles kernels. A last one that is filled up takes as long for fewer images. */
function paceOf(ends: readonly number[], batch: number): number | undefined {
  if (ends.length < 2) return undefined;
  return ((ends.length - 1) * batch) / ((ends[ends.length - 1] - ends[0]) / 1000);
}

function encodeLogits(logits: Float32Array, { length, numClasses, labels }: Dataset): Uint8Array {
  return encodeSafetensors([
    ["logits", { dtype: "F32", shape: [length, numClasses], data: logits }],
    ["labels", { dtype: "I64", shape: [length], data: BigInt64Array.from(labels, BigInt) }],
  ]);
}
